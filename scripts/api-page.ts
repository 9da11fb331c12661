/**
 * The reference of a library, from its sources: what its index exports, in its order, each with its comment, its shape and its public
 * members. What a comment marks as "for the library" is no part of it.
 */

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

interface Export {
  readonly name: string;
  readonly file: string;
}

interface Declared {
  readonly doc: string;
  readonly signature: string;
  /** The text between the braces; empty where there are none. */
  readonly body: string;
}

const INTERNAL = /For the library/;

/** The page's sections. `index` is the path of the library's index.ts. */
export function apiSections(index: string): string {
  return exportsOf(index)
    .flatMap(({ name, file }) => {
      const declared = declarations(readFileSync(file, "utf8"), name);
      if (declared.length === 0) throw new Error(`${file} exports ${name}, which is not declared there`);
      return INTERNAL.test(declared[0]!.doc) ? [] : [section(name, declared)];
    })
    .join("\n\n");
}

function exportsOf(index: string): Export[] {
  const source = readFileSync(index, "utf8");
  return [...source.matchAll(/^export (?:type )?\{([^}]*)\} from "([^"]+)";/gms)]
    .flatMap(([, names = "", from = ""]) =>
      names.split(",").map((name) => ({
        name: name.replace(/^\s*(type\s+)?/, "").trim(),
        file: originOf(name.replace(/^\s*(type\s+)?/, "").trim(), join(dirname(index), from)),
      })),
    )
    .filter(({ name }) => name !== "")
    .sort((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1));
}

/** A module may only pass a name on. */
function originOf(name: string, file: string): string {
  const source = readFileSync(file, "utf8");
  const passed = [...source.matchAll(/^export (?:type )?\{([^}]*)\} from "([^"]+)";/gms)].find(([, names = ""]) =>
    names.split(",").some((each) => each.replace(/^\s*(type\s+)?/, "").trim() === name),
  );
  return passed === undefined ? file : originOf(name, join(dirname(file), passed[2]!));
}

/** All declarations of a name, overloads one by one; the implementation of an overloaded function is left out. */
function declarations(source: string, name: string): Declared[] {
  const start = new RegExp(
    `^export (?:declare )?(?:abstract )?(?:async )?(?:class|function|interface|type|const|let) ${name}\\b`,
    "gm",
  );
  const found = [...source.matchAll(start)].map(({ index }) => {
    const { signature, body, isOverload } = shapeAt(source, index);
    return { doc: docBefore(source, index), signature, body, isOverload };
  });
  return found.some(({ isOverload }) => isOverload) ? found.filter(({ isOverload }) => isOverload) : found;
}

/** From a declaration's first letter to where its body begins or it ends. */
function shapeAt(source: string, start: number): { signature: string; body: string; isOverload: boolean } {
  const isFunction = /^export (?:async )?function/.test(source.slice(start, start + 30));
  const hasBody = isFunction || /^export (?:abstract )?(class|interface)/.test(source.slice(start, start + 40));
  let depth = 0;
  for (let at = start; at < source.length; at++) {
    const letter = source[at]!;
    const isBody = letter === "{" && depth === 0 && hasBody && !/[:|&(<,=]\s*$/.test(source.slice(start, at));
    if (isBody) {
      const end = closing(source, at);
      const body = isFunction ? "" : source.slice(at + 1, end);
      return { signature: tidy(source.slice(start, at)), body, isOverload: false };
    }
    if ("({[<".includes(letter)) depth++;
    else if (")}]".includes(letter) || (letter === ">" && source[at - 1] !== "=")) depth--;
    else if (letter === ";" && depth === 0) {
      return { signature: tidy(source.slice(start, at)), body: "", isOverload: isFunction };
    }
  }
  throw new Error("a declaration without an end");
}

function closing(source: string, open: number): number {
  // Declarations are formatted: theirs is the first brace that stands alone at the line's beginning.
  return source.indexOf("\n}", open);
}

function tidy(signature: string): string {
  return signature
    .replace(/^export /, "")
    .replace(/\s+/g, " ")
    .replace(/\( /g, "(")
    .replace(/,? \)/g, ")")
    .replace(/ = .*$/, (value) => (/^export (const|let)/.test(signature) ? "" : value))
    .trim();
}

/** The comment that ends right before a place, without its stars. */
function docBefore(source: string, place: number): string {
  const before = source.slice(0, place);
  const match = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*$/.exec(before);
  if (match === null) return "";
  const text = match[1]!
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, ""))
    .join("\n")
    .trim();
  return text
    .replace(/^@param core .*\n?/gm, "")
    .replace(/\n+(?=@throws)/g, "\n")
    .replace(/^@param (\w+) /gm, "`$1`: ")
    .replace(/^@throws (.*?)\.?$/gm, "\nThrows $1.")
    .trim();
}

function section(name: string, declared: readonly Declared[]): string {
  const docs = declared.map(({ doc }) => doc).filter((doc) => doc !== "");
  const signatures = declared.map(({ signature }) => signature).join("\n");
  const parts = [`## ${name}`, `\`\`\`ts\n${signatures}\n\`\`\``, ...docs.slice(0, 1), ...declared.flatMap(membersOf)];
  return parts.join("\n\n");
}

/** Public members: two spaces from the edge, not private, not marked as for the library. */
function membersOf({ body }: Declared): string[] {
  const rows: string[] = [];
  const start = /^ {2}(?!\s|#|readonly #|\/|\*|\}|\)|static \{|protected |private |declare )(?:override )?\S.*$/gm;
  for (const { index } of body.matchAll(start)) {
    const doc = docBefore(body, index);
    if (INTERNAL.test(doc) || doc === "") continue;
    const signature = memberSignature(body.slice(index));
    if (signature !== undefined)
      rows.push(`- \`${signature}\`${doc === "" ? "" : `  \n  ${doc.replaceAll("\n", "\n  ")}`}`);
  }
  return rows.length === 0 ? [] : [rows.join("\n")];
}

function memberSignature(text: string): string | undefined {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const letter = text[at]!;
    if ((letter === "{" && depth === 0 && /[)\w>\]]\s*$/.test(text.slice(0, at))) || (letter === ";" && depth === 0)) {
      return text
        .slice(0, at)
        .trim()
        .replace(/\s+/g, " ")
        .replace(/\( /g, "(")
        .replace(/,? \)/g, ")")
        .replace(/, core: .*\)$|\(core: .*\)$/, (found) => (found.startsWith(",") ? ")" : "()"))
        .replace(/ = .*$/, (value) => (text.trimStart().startsWith("readonly") || !text.includes("(") ? "" : value))
        .replace("override ", "")
        .trim();
    }
    if ("({[<".includes(letter)) depth++;
    else if (")}]".includes(letter) || (letter === ">" && text[at - 1] !== "=")) depth--;
  }
  return undefined;
}
