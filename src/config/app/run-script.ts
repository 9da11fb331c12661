/** The commands of npm, yarn, pnpm, bun and `node --run` that run a script of a package, or a command of one. Pure. */

export interface RunScript {
  readonly name: string;
  readonly args: readonly string[];
  /** If there is no such script, it is a command of a package: `yarn node app.js`, `pnpm tsx app.ts`. */
  readonly mayBeCommand: boolean;
  /** The script is one of another package: `npm start --prefix server`, `npm run serve -w api`. */
  readonly isElsewhere: boolean;
}

/** `npm run x`, `yarn x`, `node --run x`. `words`: behind the program's name. */
export function scriptOf(program: string, words: readonly string[]): RunScript | undefined {
  const [verb, ...rest] = words.filter((word) => word !== "-s" && word !== "--silent");
  if (program === "node" && verb === "--run" && rest[0] !== undefined)
    return { name: rest[0], args: rest.slice(2), mayBeCommand: false, isElsewhere: false };
  if (!["npm", "pnpm", "yarn", "bun"].includes(program) || verb === undefined) return undefined;
  const isRun = verb === "run" || verb === "run-script";
  const name = isRun ? rest[0] : verb;
  if (name === undefined || name.startsWith("-") || OTHER_VERBS.has(name)) return undefined;
  if (program === "bun" && /\.[cm]?[jt]sx?$/.test(name)) return undefined;
  const runsCommands = program === "yarn" || (program === "pnpm" && !isRun);
  if (!isRun && !runsCommands && verb !== "start" && verb !== "serve") return undefined;
  const behind = isRun ? rest.slice(1) : rest;
  return {
    name,
    args: argumentsOf(program, behind),
    mayBeCommand: runsCommands && name !== "start",
    isElsewhere: program === "npm" && ownWords(behind).some((word) => ELSEWHERE.test(word)),
  };
}

const OTHER_VERBS: ReadonlySet<string> = new Set(["exec", "dlx", "x", "workspace", "workspaces"]);
const ELSEWHERE = /^(?:--prefix|--workspaces?|-w|-ws|-C)(?:=|$)/;

/** npm takes flags in front of `--` for its own; the others give them to the script. */
function argumentsOf(program: string, words: readonly string[]): readonly string[] {
  if (program !== "npm") return words[0] === "--" ? words.slice(1) : words;
  const own = ownWords(words);
  return [...own.filter((word) => !word.startsWith("-")), ...words.slice(own.length + 1)];
}

function ownWords(words: readonly string[]): readonly string[] {
  const dashes = words.indexOf("--");
  return dashes === -1 ? words : words.slice(0, dashes);
}

/** `pnpm exec x`. */
export function execOf(program: string, [verb, ...rest]: readonly string[]): readonly string[] | undefined {
  if (!["npm", "pnpm", "yarn"].includes(program) || (verb !== "exec" && verb !== "dlx" && verb !== "x"))
    return undefined;
  return rest[0] === "--" ? rest.slice(1) : rest;
}
