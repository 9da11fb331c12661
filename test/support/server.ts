/**
 * A real server: `bin/heddle.js serve` as a child, on a port that the operating system chooses. It is up when it has printed
 * `listening on`. It is ended by its process id, never by name.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { binFor, binForCommand } from "./built.ts";

export interface ServerOptions {
  /** On top of this process's own, NODE_OPTIONS too; HEDDLE_* of this process are not passed on. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** How many lines of `listening on` to wait for. */
  readonly listeners?: number;
  /** `ulimit -n` of the server, soft and hard. */
  readonly descriptors?: number;
  /** Of the Node that runs it. NODE_OPTIONS is among them then: where that is set, Node takes no options from a config file of its own. */
  readonly nodeFlags?: readonly string[];
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface TestServer extends AsyncDisposable {
  /** Of the first listener, without a slash at the end. */
  readonly url: string;
  readonly urls: readonly string[];
  /** Of the first listener; NaN when it is a Unix socket. */
  readonly port: number;
  readonly pid: number;
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;
  stdout(): string;
  stderr(): string;
  /**
   * Waits until standard output and error together match, from `from` on (an earlier `mark()`; default: the start).
   * Fails when the server ends first.
   */
  waitForLog(pattern: RegExp, from?: number): Promise<RegExpMatchArray>;
  /** Where the output stands now. */
  mark(): number;
  /** Standard output and error together, from an earlier `mark()` on. */
  output(from: number): string;
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, and SIGKILL for one that does not go. */
  stop(): Promise<Exit>;
}

/** A server that takes longer hangs: the test should fail with its output rather than wait. */
const BOOT_PATIENCE_MS = 120_000;
const STOP_PATIENCE_MS = 120_000;
/** A busy machine may need longer than the default of 30 s to boot a worker, and less than this. Flags say otherwise. */
const BOOTS: Readonly<Record<string, string>> = { HEDDLE_BOOT_TIMEOUT: "110s" };
/** There, requests may wait for longer than the default of 5 s, for threads that start. */
const PATIENT: Readonly<Record<string, string>> = { HEDDLE_QUEUE_TIMEOUT: "60s", ...BOOTS };

/** Starts `heddle serve <app> <args>`, or without an app if that is undefined; listens on `-p 0` unless `args` say where. Rejects with its output if it ends. */
export async function startServer(
  appFile: string | undefined,
  args: readonly string[] = [],
  options: ServerOptions = {},
): Promise<TestServer> {
  const app = appFile === undefined ? [] : [appFile];
  const env = { ...PATIENT, ...options.env };
  const process = launch(["serve", ...app, ...placeArguments(args)], { ...options, env }, binFor(appFile, options.cwd));
  const urls = await process.urls(options.listeners ?? 1);
  return { ...process.server, url: urls[0]!, urls, port: Number(new URL(urls[0]!).port || NaN) };
}

export interface Run extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a `heddle` command to its end. */
export async function runHeddle(args: readonly string[], options: ServerOptions = {}): Promise<Run> {
  const booting = args[0] === "serve" ? { ...options, env: { ...BOOTS, ...options.env } } : options;
  const { server } = launch(args, booting, binForCommand(args[0]));
  const timer = setTimeout(() => server.child.kill("SIGKILL"), BOOT_PATIENCE_MS);
  const exit = await server.exited;
  clearTimeout(timer);
  return { ...exit, stdout: server.stdout(), stderr: server.stderr() };
}

function placeArguments(args: readonly string[]): readonly string[] {
  const flags = ["-p", "--port", "-l", "--listen"];
  const given = args.some((arg) => flags.includes(arg.split("=")[0]!));
  const control = args.some((arg) => arg.startsWith("--control"));
  // Behind `--` are the app's own.
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const places = [...(given ? [] : ["-p", "0"]), ...(control ? [] : ["--control", "off"])];
  return args.toSpliced(end, 0, ...places);
}

function launch(
  args: readonly string[],
  { env, cwd, descriptors, nodeFlags }: ServerOptions,
  bin: string,
): { server: Omit<TestServer, "url" | "urls" | "port">; urls: (count: number) => Promise<string[]> } {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("HEDDLE_") && !name.startsWith("NODE_TEST") && name !== "PORT",
  );
  const nodeOptions = `${process.env["NODE_OPTIONS"] ?? ""} ${env?.["NODE_OPTIONS"] ?? ""}`.trim();
  const flags = nodeFlags === undefined ? [] : [...nodeOptions.split(" ").filter((flag) => flag !== ""), ...nodeFlags];
  const command = [process.execPath, ...flags, bin, ...args];
  const limited = ["sh", "-c", `ulimit -n ${descriptors} && exec "$@"`, "sh", ...command];
  const [file, ...rest] = descriptors === undefined ? command : limited;
  const child = spawn(file!, rest, {
    cwd,
    env: {
      ...Object.fromEntries(inherited),
      NO_COLOR: "1",
      ...env,
      NODE_OPTIONS: nodeFlags === undefined ? nodeOptions : undefined,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const text = { out: "", err: "", all: "" };
  const watchers = new Set<() => void>();
  // By whole lines: what comes in pieces, from two streams, must not be mixed.
  for (const [stream, name] of [
    [child.stdout, "out"],
    [child.stderr, "err"],
  ] as const) {
    let piece = "";
    const add = (lines: string): void => {
      text[name] += lines;
      text.all += lines;
      for (const watch of watchers) watch();
    };
    stream
      .setEncoding("utf8")
      .on("data", (chunk: string) => {
        const end = chunk.lastIndexOf("\n") + 1;
        if (end > 0) add(piece + chunk.slice(0, end));
        piece = end > 0 ? chunk.slice(end) : piece + chunk;
      })
      .on("end", () => add(piece));
  }
  // `close`, not `exit`: the output is complete then.
  const exited: Promise<Exit> = once(child, "close").then(([code, signal]) => ({ code, signal }));
  let gone = false;
  void exited.then(() => {
    gone = true;
    for (const watch of watchers) watch();
  });
  const until = <T>(look: () => T | undefined, what: string, patienceMs: number): Promise<T> =>
    new Promise((resolve, reject) => {
      const finish = (): void => {
        clearTimeout(timer);
        watchers.delete(watch);
      };
      const fail = (why: string): void => {
        finish();
        reject(new Error(`${why} while waiting for ${what}; its output:\n${text.all}`));
      };
      const watch = (): void => {
        const found = look();
        if (found !== undefined) {
          finish();
          resolve(found);
        } else if (gone) fail("the server ended");
      };
      const timer = setTimeout(fail, patienceMs, "patience ended");
      watchers.add(watch);
      watch();
    });
  const stop = async (): Promise<Exit> => {
    if (!gone) child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_PATIENCE_MS);
    try {
      return await exited;
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    server: {
      pid: child.pid!,
      child,
      exited,
      stdout: () => text.out,
      stderr: () => text.err,
      mark: () => text.all.length,
      output: (from) => text.all.slice(from),
      waitForLog: (pattern, from = 0) =>
        until(() => text.all.slice(from).match(pattern) ?? undefined, String(pattern), BOOT_PATIENCE_MS),
      signal: (signal) => void child.kill(signal),
      stop,
      [Symbol.asyncDispose]: async () => void (await stop()),
    },
    urls: async (count) => {
      try {
        return await until(
          () => {
            const urls = [...text.out.matchAll(/^listening on (\S+)$/gm)].map(([, url]) => url!);
            return urls.length < count ? undefined : urls;
          },
          "`listening on`",
          BOOT_PATIENCE_MS,
        );
      } catch (error) {
        await stop();
        throw error;
      }
    },
  };
}
