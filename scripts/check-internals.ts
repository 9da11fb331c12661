/**
 * Holds that src/ reaches what Node does not document through src/platform/node-internals/ only. Prints each fault and exits 1.
 *
 * - The words of that folder's table stand nowhere else, and each of them stands in the file that the table names.
 * - No other file has a name that begins with an underscore after a dot or in quotes, asks an object for its symbols, takes a
 *   binding of Node's, or puts something of its own on Node's prototypes and on the objects of a request.
 *
 * Comments may name anything.
 */

import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { internals } from "../src/platform/node-internals/index.ts";

const FOLDER = "src/platform/node-internals/";
/** Names everything, and touches nothing. */
const TABLE = `${FOLDER}index.ts`;

/** Kinds of things that the table may not have yet. */
const SUSPECT: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/(?:\.|["'`])_[a-z]\w*/gi, "a private name"],
  [/\b(?:getOwnPropertySymbols|process\.binding|internalBinding)\b/g, "Node's insides"],
  [/\b[A-Z]\w*\.prototype(?:\.\w+|\[[^\]]+\]) = /g, "a prototype changed"],
  [/\bReflect\.(?:set|deleteProperty|defineProperty)\(/g, "an object changed from outside"],
  [/\bObject\.assign\((?:req|res|socket|stream|server)\b/g, "an object of Node's changed"],
  [
    /\b(?:req|res|socket|stream|server)\.(?:write|end|destroy\w*|push|emit|on|read|listen|writeHead|setHeader) = /g,
    "a method replaced",
  ],
];

/** What looks like one and is none, by file. One that is not needed any more is a fault. */
const EXCEPTIONS: ReadonlyMap<string, readonly string[]> = new Map([
  // V8's documented way to a stack, put back at once.
  ["src/supervise/inspect/thread-stack.ts", ["Reflect.set("]],
  // Sentry's.
  ["src/server/app/uncaught-exceptions.ts", ['"_errorHandler']],
]);

const excused = new Set<string>();
const faults: string[] = [];
const sources = new Map(
  globSync("src/**/*.ts")
    .sort()
    .map((file) => [file, withoutComments(readFileSync(file, "utf8"))]),
);

for (const { name, words, file } of internals) {
  const own = join(FOLDER, file);
  for (const word of words) {
    const source = sources.get(own);
    if (source === undefined) faults.push(`${TABLE}: ${name}: there is no ${own}`);
    else if (!source.includes(word)) faults.push(`${TABLE}: ${name}: ${own} has no \`${word}\``);
  }
}
for (const [file, source] of sources) {
  if (file.startsWith(FOLDER)) continue;
  for (const { name, words, file: own } of internals) {
    if (join(FOLDER, own) === file) continue;
    for (const word of words) {
      if (wordPattern(word).test(source)) fault(file, word, `${name} belongs to ${FOLDER}${own}`);
    }
  }
  for (const [pattern, what] of SUSPECT) {
    for (const [found] of source.matchAll(pattern)) fault(file, found, `${what}: it belongs to ${FOLDER}`);
  }
}
for (const [file, words] of EXCEPTIONS)
  for (const word of words)
    if (!excused.has(`${file} ${word}`)) faults.push(`not needed in EXCEPTIONS: ${file} ${word}`);

for (const fault of new Set(faults)) console.error(fault);
if (faults.length > 0) process.exitCode = 1;
else console.log(`${internals.length} internals of Node, behind one door`);

function fault(file: string, found: string, why: string): void {
  if (EXCEPTIONS.get(file)?.includes(found) === true) excused.add(`${file} ${found}`);
  else faults.push(`${file}: \`${found}\`: ${why}`);
}

/** As a whole word, where it is one. */
function wordPattern(word: string): RegExp {
  const isWordAt = (index: number): boolean => /\w/.test(word.at(index) ?? "");
  return new RegExp(`${isWordAt(0) ? "(?<!\\w)" : ""}${RegExp.escape(word)}${isWordAt(-1) ? "(?!\\w)" : ""}`);
}

function withoutComments(source: string): string {
  return source.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/(^|\s)\/\/.*$/gm, "$1");
}
