/**
 * Finds the fields of the object that a config file exports, in its text, so that one can be added or replaced and everything else
 * stays as the user wrote it: comments, order, expressions. Pure.
 *
 * It reads `export default defineConfig({ … })` and `export default { … }`, with what TypeScript may add behind it (`satisfies …`).
 * Anything else (a variable, a function, a spread behind the fields) is not understood, and says so: the text is not edited then.
 *
 * Rejected: a parser as a dependency, for three fields of one file. Printing the whole object anew: comments and expressions would go.
 */

export interface Field {
  readonly name: string;
  /** Of the value, without spaces around it. */
  readonly from: number;
  readonly to: number;
}

export interface ConfigObject {
  /** Behind the opening bracket, and at the closing one. */
  readonly from: number;
  readonly to: number;
  readonly fields: readonly Field[];
  /** Whether the last field has a comma behind it; true if there is none. */
  readonly endsWithComma: boolean;
  /** Behind the last value, or behind its comma. */
  readonly lastEnd: number;
}

/** undefined: the file has another form. */
export function configObject(text: string): ConfigObject | undefined {
  const blank = withoutComments(text);
  if (blank === undefined) return undefined;
  const start = /\bexport\s+default\s+(?:defineConfig\s*(?:<[^<>()]*>)?\s*\(\s*)?\{/.exec(blank);
  return start === null ? undefined : readFields(text, blank, start.index + start[0].length);
}

/** The object whose bracket opens at `at`. undefined: there is none, or it has another form. */
export function objectAt(text: string, at: number): ConfigObject | undefined {
  const blank = withoutComments(text);
  return blank?.[at] === "{" ? readFields(text, blank, at + 1) : undefined;
}

function readFields(text: string, blank: string, from: number): ConfigObject | undefined {
  const fields: Field[] = [];
  let at = from;
  let endsWithComma = true;
  let lastEnd = from;
  for (;;) {
    at = skipSpace(blank, at);
    if (blank[at] === "}") return { from, to: at, fields, endsWithComma, lastEnd };
    const end = valueEnd(blank, at);
    if (end === undefined || end === at) return undefined;
    const name = /^(?:([A-Za-z_$][\w$]*)|"([^"\\]*)"|'([^'\\]*)')\s*(:|[,}(]|$)/.exec(text.slice(at, end + 1));
    // A spread or a computed name may set the same field: which one wins can't be told from the text.
    if (name === null) return undefined;
    const colon = at + name[0].length;
    const own = name[1] ?? name[2] ?? name[3] ?? "";
    const valueFrom = name[4] === ":" ? skipSpace(blank, colon) : at;
    fields.push({ name: own, from: valueFrom, to: trimmedEnd(blank, valueFrom, end) });
    endsWithComma = blank[end] === ",";
    lastEnd = endsWithComma ? end + 1 : trimmedEnd(blank, valueFrom, end);
    at = endsWithComma ? end + 1 : end;
  }
}

/** Where the comma or the bracket is that ends the value. */
function valueEnd(blank: string, from: number): number | undefined {
  let depth = 0;
  for (let at = from; at < blank.length; at++) {
    const character = blank[at]!;
    if ("([{".includes(character)) depth++;
    else if (")]}".includes(character) && depth-- === 0) return character === "}" ? at : undefined;
    else if (character === "," && depth === 0) return at;
  }
  return undefined;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && /\s/.test(text[at]!)) at++;
  return at;
}

function trimmedEnd(text: string, from: number, to: number): number {
  return from + text.slice(from, to).trimEnd().length;
}

/**
 * The text with its comments as spaces, and everything inside strings, templates and regular expressions as `_`, so that a bracket is a bracket. Of
 * the same length. undefined: a string or comment has no end.
 */
function withoutComments(text: string): string | undefined {
  // A slash begins a regular expression where no value ends before it.
  const token =
    /\/\/[^\n]*|\/\*[^]*?\*\/|"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*'|`(?:[^`\\]|\\[^])*`|(?<=[=(,:[!&|?{};]\s*)\/(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/|["'`]/g;
  let isWhole = true;
  const blank = text.replaceAll(token, (match) => {
    if (match.length === 1) isWhole = false;
    if (match.startsWith("//") || match.startsWith("/*")) return match.replaceAll(/[^\n]/g, " ");
    return `${match[0]}${match.slice(1, -1).replaceAll(/[^\n]/g, "_")}${match.at(-1)}`;
  });
  return isWhole ? blank : undefined;
}
