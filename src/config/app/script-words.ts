/**
 * Splits a package.json script into its commands, as a shell would. Nothing is run. Pure.
 *
 * Known: words, quotes, backslashes, comments, redirections (dropped), and the operators between commands. A script with more
 * (groups, substitutions of commands, loops) is not understood: the caller says so. A variable stays as it is written.
 */

export type Operator = "&&" | "||" | ";" | "|" | "&";

export interface Command {
  readonly words: readonly string[];
  /** What stands between it and the command before. The first one has none. */
  readonly after?: Operator;
}

const TOKEN =
  /(?<space>[^\S\n]+)|(?<comment>(?<![^\s;&|])#[^\n]*)|(?<redirect>\d?(?:>>?|>&)\s*(?:&\d|[^\s;&|]+)|&>\s*\S+)|(?<operator>&&|\|\||[;|&\n])|(?<word>(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|[^\s;&|<>()`'"\\])+)/gy;
const GROUPS: ReadonlySet<string> = new Set(["if", "for", "while", "until", "case", "{", "}", "!", "function"]);

/** undefined: the script uses more of the shell than is known here. */
export function splitScript(script: string): readonly Command[] | undefined {
  const commands: Command[] = [];
  let words: string[] = [];
  let after: Operator | undefined;
  let end = 0;
  const close = (): void => {
    if (words.length > 0) commands.push({ words, ...(after && commands.length > 0 && { after }) });
    words = [];
  };
  for (const { groups, index, 0: token } of script.matchAll(TOKEN)) {
    if (index !== end) return undefined;
    end = index + token.length;
    if (groups!["word"] !== undefined) {
      if (words.length === 0 && GROUPS.has(token)) return undefined;
      if (/(?<!\\)\$\(/.test(script.slice(index, end + 1))) return undefined;
      words.push(unquoted(token));
    } else if (groups!["operator"] !== undefined) {
      close();
      after = token === "\n" ? ";" : (token as Operator);
      // Behind the last command it changes nothing, except that `&` sends it to the background.
      if (after === "&" && script.slice(end).trim() === "") return undefined;
    }
  }
  if (end !== script.length) return undefined;
  close();
  return commands;
}

function unquoted(word: string): string {
  return word.replaceAll(
    /\\(.)|'([^']*)'|"((?:\\.|[^"\\])*)"/g,
    (_all, escaped: string | undefined, single: string | undefined, double: string | undefined) =>
      escaped ?? single ?? double!.replaceAll(/\\(["\\$`])/g, "$1"),
  );
}
