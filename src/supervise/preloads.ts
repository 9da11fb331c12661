/**
 * Modules that Node loads before the program (`--import`, `--require`, `--loader`, on the command line or in NODE_OPTIONS): a
 * tracer, a transpiler. They belong to the app, so the threads that run the app load them, once each. A thread that runs nothing
 * of the app's starts without them, and its own threads get them back.
 */

/** As `Worker` takes them. */
interface ThreadOptions {
  readonly execArgv?: string[];
  readonly env?: NodeJS.ProcessEnv;
}

interface Taken extends Required<ThreadOptions> {
  readonly preloads: readonly string[];
}

const PRELOADS: ReadonlySet<string> = new Set(["--import", "--require", "-r", "--loader", "--experimental-loader"]);

/** Of this thread's own threads, if this one was started without any. */
let given: readonly string[] | undefined;

/** Pure. The options that load modules, and all others. */
export function splitPreloads(options: readonly string[]): { preloads: string[]; others: string[] } {
  const preloads: string[] = [];
  const others: string[] = [];
  for (let i = 0; i < options.length; i++) {
    const option = options[i]!;
    const [name = ""] = option.split("=", 1);
    if (!PRELOADS.has(name)) others.push(option);
    else if (option.includes("=")) preloads.push(option);
    else preloads.push(option, options[++i] ?? "");
  }
  return { preloads, others };
}

/** Pure. NODE_OPTIONS as Node reads it: separated by spaces; between double quotes a backslash makes the next character plain. */
export function readNodeOptions(text: string): string[] {
  const options: string[] = [];
  for (const [, quoted = ""] of text.matchAll(/((?:"(?:\\.|[^"\\])*"|[^\s"])+)/g)) {
    options.push(quoted.replaceAll(/"((?:\\.|[^"\\])*)"/g, (_, inner: string) => inner.replaceAll(/\\(.)/g, "$1")));
  }
  return options;
}

/** How to start a thread or a process without its preloads, which are `preloads`, but with all other options. Pure. */
export function takePreloads(execArgv: readonly string[], env: NodeJS.ProcessEnv): Taken {
  const fromEnv = splitPreloads(readNodeOptions(env["NODE_OPTIONS"] ?? ""));
  const fromLine = splitPreloads(execArgv);
  const preloads = [...fromEnv.preloads, ...fromLine.preloads];
  const others = fromEnv.others.map((option) => (/[\s"\\]/.test(option) ? JSON.stringify(option) : option));
  const isInEnv = fromEnv.preloads.length > 0;
  return { preloads, execArgv: fromLine.others, env: isInEnv ? { ...env, NODE_OPTIONS: others.join(" ") } : env };
}

/** Starts a thread without the preloads of this one. Empty: there are none. */
export function withoutPreloads(): ThreadOptions & { readonly preloads: readonly string[] } {
  const taken = takePreloads(process.execArgv, process.env);
  return taken.preloads.length === 0 ? { preloads: [] } : { ...taken, env: { ...taken.env } };
}

/** On a thread that was started so: its own threads load them. `nodeOptions`: what their programs inherit again. */
export function givePreloads(preloads: readonly string[], nodeOptions: string | undefined): void {
  if (preloads.length === 0) return;
  given = preloads;
  if (nodeOptions !== undefined) process.env["NODE_OPTIONS"] = nodeOptions;
}

/** For a thread that runs the app. Node takes none of this thread's options for it if `execArgv` is given. */
export function ownPreloads(): ThreadOptions {
  return given === undefined ? {} : { execArgv: [...process.execArgv, ...given] };
}
