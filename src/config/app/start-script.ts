/**
 * What a start script would run, found without running it. Pure.
 *
 *   script → commands (script-words.ts) → the one that stays → its wrappers and variables → the program and its flags
 *
 * Of several commands the last one is the server, unless they run at the same time. What is left out is named in `notTaken`:
 * the user must be able to see how `heddle serve` differs from `npm start`.
 */

import { readNodeFlags, splitOnce, type OwnFlag, type ScriptEnvFile } from "./node-flags.ts";
import { developCommands, envFileReaders, runners, serverCommands, wrappers } from "./programs.ts";
import { execOf, scriptOf } from "./run-script.ts";
import { splitScript, type Command } from "./script-words.ts";

/** What surrounds the program. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string>>;
  /** A later one wins. */
  readonly envFiles: readonly ScriptEnvFile[];
  /** The folder that the script changes to. */
  readonly folder: string | undefined;
  /** What npm start would do, and heddle does not. */
  readonly notTaken: readonly string[];
}

export type StartCommand =
  | (Surroundings & {
      readonly kind: "file";
      readonly file: string;
      readonly args: readonly string[];
      readonly nodeFlags: readonly string[];
      readonly preload: readonly [flag: string, module: string] | undefined;
    })
  | (Surroundings & { readonly kind: "server"; readonly name: string; readonly args: readonly string[] })
  /** Another script of the same package. */
  | (Surroundings & { readonly kind: "script"; readonly name: string; readonly args: readonly string[] })
  /** A server for development, or heddle itself: it does not say what to serve. */
  | { readonly kind: "other"; readonly name: string }
  | { readonly kind: "unclear"; readonly why: string };

/** `hasScript`: whether the package has a script of this name. */
export function readStartScript(script: string, hasScript: (name: string) => boolean = () => true): StartCommand {
  const commands = splitScript(script);
  if (commands === undefined) return { kind: "unclear", why: "it uses more of the shell than heddle reads" };
  if (commands.some(({ after }) => after === "||" || after === "&"))
    return { kind: "unclear", why: "it runs several commands" };
  return new Reader(commands, hasScript).read();
}

const ASSIGNMENT = /^([A-Za-z_]\w*)=([^]*)$/;

class Reader {
  readonly #earlier: readonly Command[];
  #words: readonly string[];
  readonly #env: Record<string, string> = {};
  readonly #envFiles: ScriptEnvFile[] = [];
  readonly #notTaken: string[] = [];
  readonly #hasScript: (name: string) => boolean;
  #folder: string | undefined;

  constructor(commands: readonly Command[], hasScript: (name: string) => boolean) {
    this.#hasScript = hasScript;
    // `node app.js | pino-pretty`: the program is the first of a pipe.
    const ofPipe = commands.findLastIndex(({ after }) => after !== "|");
    this.#words = commands[ofPipe]?.words ?? [];
    this.#earlier = commands.slice(0, Math.max(0, ofPipe));
    for (const { words } of commands.slice(ofPipe + 1)) this.#notTaken.push(`| ${words.join(" ")}`);
  }

  read(): StartCommand {
    for (const { words } of this.#earlier) this.#readEarlier(words);
    for (let depth = 0; depth < 20; depth++) {
      this.#readAssignments();
      const [name, ...rest] = this.#words;
      if (name === undefined) return { kind: "unclear", why: "it runs nothing" };
      const program = baseName(name);
      const next = this.#readProgram(program, name, rest);
      if (next !== undefined) return next;
    }
    return { kind: "unclear", why: "it runs one command in the other" };
  }

  /** Returns undefined if the words are those of another command now. */
  #readProgram(program: string, name: string, rest: readonly string[]): StartCommand | undefined {
    const script = scriptOf(program, rest);
    if (script?.isElsewhere === true)
      return { kind: "unclear", why: `its ${program} runs a script of another package` };
    const isScript = script !== undefined && (!script.mayBeCommand || this.#hasScript(script.name));
    if (isScript) return { kind: "script", name: script.name, args: script.args, ...this.#surroundings() };
    const inner = script === undefined ? execOf(program, rest) : [script.name, ...script.args];
    if (inner !== undefined) this.#words = inner;
    else if (Object.hasOwn(wrappers, program)) this.#unwrap(program, rest, wrappers[program]!);
    else if (program === "heddle") return this.#readOwn(rest);
    else if (program === "run-s" || program === "npm-run-all") return this.#readRow(program, rest);
    else if (Object.hasOwn(runners, program) || program === "pm2-runtime") return this.#readRunner(program, rest);
    else if (Object.hasOwn(serverCommands, program) && isVerb(serverCommands[program]!.verb, rest))
      return { kind: "server", name: program, args: rest, ...this.#surroundings() };
    else if (developCommands.has(program)) return { kind: "other", name: [program, ...rest.slice(0, 1)].join(" ") };
    else if (/^\.{0,2}\/|\.[cm]?[jt]s$/.test(name)) return this.#file([name, ...rest], [], undefined);
    else return { kind: "unclear", why: `it runs ${program}, which heddle does not know` };
    return undefined;
  }

  /** `heddle serve app.ts --workers 2`: where heddle itself is asked without an app, the start script may have one. */
  #readOwn([verb, file, ...flags]: readonly string[]): StartCommand {
    if (verb !== "serve" || file === undefined || file.startsWith("-")) return { kind: "other", name: "heddle" };
    this.#notTaken.push(...flags);
    return this.#file([file], [], undefined);
  }

  /** `run-s build serve`: scripts of the package, one after another. The last one is the server. */
  #readRow(program: string, words: readonly string[]): StartCommand {
    if (words.some((word) => /^(?:-p|--parallel|-r|--race)$/.test(word)))
      return { kind: "unclear", why: "it runs several commands" };
    const names = words.filter((word) => !word.startsWith("-"));
    const name = names.at(-1);
    if (name === undefined || /[*:]\*|[\s{]/.test(name))
      return { kind: "unclear", why: `its ${program} does not name one script as the last` };
    this.#notTaken.push(...names.slice(0, -1));
    return { kind: "script", name, args: [], ...this.#surroundings() };
  }

  /** A command that ends before the server starts. */
  #readEarlier(words: readonly string[]): void {
    const [name, value] = words;
    if (name === "cd" && words.length === 2) this.#folder = [this.#folder, value].filter(Boolean).join("/");
    else if ((name === "export" || name === "set") && words.slice(1).every((word) => ASSIGNMENT.test(word)))
      for (const word of words.slice(1)) this.#assign(word);
    else this.#notTaken.push(words.join(" "));
  }

  #readAssignments(): void {
    while (this.#words[0] !== undefined && this.#assign(this.#words[0])) this.#words = this.#words.slice(1);
  }

  #assign(word: string): boolean {
    const [, name, value] = ASSIGNMENT.exec(word) ?? [];
    if (name === undefined || value === undefined) return false;
    if (value.includes("$")) this.#notTaken.push(`${name} (its value is the shell's)`);
    else this.#env[name] = value;
    return true;
  }

  #unwrap(name: string, words: readonly string[], withValue: readonly string[]): void {
    const flags: OwnFlag[] = [];
    let at = 0;
    for (; at < words.length && words[at]!.startsWith("-"); at++) {
      const word = words[at]!;
      if (word === "--") {
        at++;
        break;
      }
      const [flag, inline] = splitOnce(word);
      const takesNext = inline === undefined && withValue.includes(flag) && words[at + 1]?.startsWith("-") === false;
      flags.push({ flag, value: takesNext ? words[++at] : inline });
    }
    this.#words = words.slice(at);
    // Its words are a script for a shell.
    const inner = name === "cross-env-shell" ? splitScript(this.#words.join(" ")) : undefined;
    if (inner?.length === 1) this.#words = inner[0]!.words;
    if (name === "dotenvx" && this.#words[0] === "run") this.#unwrap(name, this.#words.slice(1), withValue);
    else if (Object.hasOwn(envFileReaders, name)) this.#readEnvFiles(name, flags);
  }

  /** Of a program that sets what its files hold and then runs another: what it has set, no later file changes. */
  #readEnvFiles(name: string, flags: readonly OwnFlag[]): void {
    const { files, others = [], variables = [], cascade, expands, noExpansion } = envFileReaders[name]!;
    const named: string[] = [];
    let isElsewhere = false;
    let suffixes: readonly string[] = [""];
    for (const { flag, value } of flags) {
      if (files.includes(flag) && value !== undefined) named.push(value);
      else if (flag === cascade)
        suffixes = value === undefined ? [".local", ""] : [`.${value}.local`, ".local", `.${value}`, ""];
      else if (flag !== noExpansion && !(variables.includes(flag) && this.#assign(value ?? "")))
        this.#notTaken.push([name, flag, ...(value === undefined ? [] : [value])].join(" "));
      isElsewhere ||= others.includes(flag);
    }
    const isExpanded = expands !== undefined && !flags.some(({ flag }) => flag === noExpansion);
    const paths = (named.length > 0 || isElsewhere ? named : [".env"]).flatMap((path) =>
      suffixes.map((end) => path + end),
    );
    this.#envFiles.unshift(
      ...paths.toReversed().map((path) => ({ path, isOptional: true, ...(isExpanded && { expands }) })),
    );
  }

  #readRunner(program: string, words: readonly string[]): StartCommand | undefined {
    const runner = program === "pm2-runtime" ? { ...runners["pm2"]!, verbs: ["start"] } : runners[program]!;
    const isNode = program === "node" || program === "nodejs";
    if (runner.lacks !== undefined) this.#notTaken.push(`${program} (${runner.lacks})`);
    let rest = words;
    if (runner.verbs?.includes(rest[0] ?? "")) {
      if (rest[0] === "watch") this.#notTaken.push("watch (use heddle's --watch)");
      rest = rest.slice(1);
    }
    if (isNode || runner.withoutValue !== undefined) {
      const read = readNodeFlags(rest, runner);
      const exec = read.own.findLast(({ flag }) => flag === "-x" || flag === "--exec")?.value;
      if (exec !== undefined) {
        this.#words = [...exec.split(/\s+/), ...read.flags, ...(read.rest ?? [])];
        return undefined;
      }
      const [file, ...args] = read.rest ?? [];
      if (file === undefined) return { kind: "unclear", why: `its ${program} runs no file` };
      // `nodemon node app.js` and the like.
      if (!isNode && Object.hasOwn(runners, file)) {
        this.#words = [file, ...args];
        return undefined;
      }
      this.#readOwnFlags(read.own, runner.variables ?? {});
      this.#envFiles.unshift(...read.envFiles);
      this.#notTaken.push(...read.notTaken);
      const isCut = program === "nodemon" && args[0] === "--";
      return this.#file([file, ...args.slice(isCut ? 1 : 0)], read.flags, runner.preload);
    }
    const { flags, rest: program_ } = splitOwnFlags(rest, runner.withValue ?? []);
    this.#notTaken.push(...flags);
    if (program_.length === 0) return { kind: "unclear", why: `its ${program} runs no file` };
    const dashes = program_.indexOf("--");
    const isPm2 = program.startsWith("pm2");
    const before = dashes === -1 ? program_ : program_.slice(0, dashes);
    const behind = dashes === -1 ? [] : program_.slice(dashes + 1);
    const [file = "", ...others] = before;
    if (isPm2 && others.length > 0) this.#notTaken.push(others.join(" "));
    // `pm2 start npm -- run serve`, `pm2 start "npm run serve"`.
    const [command = "", ...itsWords] = [...file.split(/\s+/), ...behind];
    if (isPm2 && scriptOf(command, itsWords) !== undefined) {
      this.#words = [command, ...itsWords];
      return undefined;
    }
    const args = [...(isPm2 ? [] : others), ...behind];
    if (/ecosystem|\.(?:json|ya?ml)$|\.config\.[cm]?js$/.test(file))
      return { kind: "unclear", why: `its ${program} reads ${file}, which names the app` };
    if (dashes === -1 && Object.hasOwn(runners, file)) {
      this.#words = program_;
      return undefined;
    }
    return this.#file([file, ...args], [], runner.preload);
  }

  #readOwnFlags(flags: readonly OwnFlag[], variables: Readonly<Record<string, string>>): void {
    for (const { flag, value } of flags) {
      const variable = Object.hasOwn(variables, flag) ? variables[flag] : undefined;
      if (variable === undefined) this.#notTaken.push([flag, ...(value === undefined ? [] : [value])].join(" "));
      else this.#env[variable] ??= value ?? "1";
    }
  }

  #file(
    [file = "", ...args]: readonly string[],
    nodeFlags: readonly string[],
    preload: Runner["preload"],
  ): StartCommand {
    if (file.includes("$")) return { kind: "unclear", why: `the shell works out the name of its file, ${file}` };
    const shell = args.find((arg) => arg.includes("$"));
    if (shell !== undefined) this.#notTaken.push(`${args.join(" ")} (the shell works out ${shell})`);
    const own = shell === undefined ? args : [];
    return { kind: "file", file, args: own, nodeFlags, preload, ...this.#surroundings() };
  }

  #surroundings(): Surroundings {
    if (this.#folder !== undefined) this.#notTaken.push(`cd ${this.#folder} (use heddle's --chdir)`);
    return { env: this.#env, envFiles: this.#envFiles, folder: this.#folder, notTaken: this.#notTaken };
  }
}

type Runner = (typeof runners)[string];

/** The flags of a runner that are its own, in front of the file or behind it. */
function splitOwnFlags(words: readonly string[], withValue: readonly string[]): { flags: string[]; rest: string[] } {
  const flags: string[] = [];
  let at = 0;
  for (; at < words.length && words[at]!.startsWith("-") && words[at] !== "--"; at++) {
    const word = words[at]!;
    flags.push(withValue.includes(word) ? `${word} ${words[++at]}` : word);
  }
  return { flags, rest: words.slice(at) };
}

function isVerb(verb: string | undefined, [first]: readonly string[]): boolean {
  return verb === undefined || verb === first;
}

/** The name of a program that may be given by its path. */
function baseName(name: string): string {
  return /(?:node_modules\/\.bin|^\/.*\/bin)\/([\w.-]+)$/.exec(name)?.[1] ?? name;
}
