/**
 * Starting and stopping the measured processes.
 *
 * Invariant: only processes that were started here, or their descendants, are ever signalled, and always by pid.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { onCleanup } from "./cleanup.ts";
import { endProcesses, processTree } from "./proc.ts";

export interface StartedProcess {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Only with `stdin: "pipe"`. */
  writeLine(line: string): void;
  /** Everything written to stdout and stderr so far: the last 16 KiB. */
  output(): string;
  /** Resolves when the output matches. Rejects if the process ends first or the time is over. */
  waitForOutput(pattern: RegExp, timeoutMs?: number): Promise<RegExpMatchArray>;
  /** SIGTERM, then SIGKILL for it and whatever is left of its tree. */
  stop(graceMs?: number): Promise<void>;
}

const OUTPUT_LIMIT = 16 * 1024;

/** The environment of every measured process: the Node that runs the benchmark comes first in PATH. */
export function peerEnvironment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
    NODE_ENV: "production",
    NO_COLOR: "1",
    ...extra,
  };
}

export function start(
  command: string,
  args: readonly string[],
  options: { env?: Readonly<Record<string, string>>; cwd?: string; stdin?: "pipe" } = {},
): StartedProcess {
  const child = spawn(command, args, {
    stdio: [options.stdin ?? "ignore", "pipe", "pipe"],
    env: peerEnvironment(options.env),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  let output = "";
  let exited: string | undefined;
  const watchers = new Set<() => void>();
  const changed = (): void => {
    for (const watcher of watchers) watcher();
  };
  // A process that has ended is told by its exit; what was written to it then must not be an error of its own.
  child.stdin?.on("error", () => {});
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-OUTPUT_LIMIT);
      changed();
    });
  }
  const ended = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      exited ??= error.message;
      changed();
      resolve();
    });
    child.once("exit", (code, signal) => {
      exited ??= signal ?? `exit code ${String(code)}`;
      changed();
      resolve();
    });
  });
  const stop = async (graceMs = 5000): Promise<void> => {
    forget();
    if (child.pid === undefined) return;
    const tree = processTree([child.pid]);
    if (exited === undefined) child.kill("SIGTERM");
    await Promise.race([ended, sleep(graceMs, undefined, { ref: false })]);
    await endProcesses(tree, 0);
  };
  const forget = onCleanup(() => stop(1000));
  return {
    pid: child.pid ?? -1,
    child,
    writeLine: (line) => void child.stdin?.write(`${line}\n`),
    output: () => output,
    waitForOutput: (pattern, timeoutMs = 20_000) =>
      new Promise((resolve, reject) => {
        const settle = (act: () => void): void => {
          clearTimeout(timer);
          watchers.delete(check);
          act();
        };
        const fail = (what: string): void =>
          settle(() => reject(new Error(`${command} ${args.join(" ")}: ${what}\n${output}`)));
        const check = (): void => {
          const match = output.match(pattern);
          if (match !== null) settle(() => resolve(match));
          else if (exited !== undefined) fail(`ended (${exited}) before it was ready`);
        };
        const timer = setTimeout(() => fail(`not ready after ${timeoutMs} ms`), timeoutMs);
        watchers.add(check);
        check();
      }),
    stop,
  };
}

/** Runs a command to its end. Rejects with its output if it fails or takes too long. */
export async function run(
  command: string,
  args: readonly string[],
  options: { env?: Readonly<Record<string, string>>; cwd?: string; timeoutMs?: number } = {},
): Promise<string> {
  const { timeoutMs = 120_000, ...rest } = options;
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: peerEnvironment(rest.env),
    timeout: timeoutMs,
    killSignal: "SIGKILL",
    ...(rest.cwd === undefined ? {} : { cwd: rest.cwd }),
  });
  const forget = onCleanup(() => void child.kill("SIGKILL"));
  try {
    return await new Promise<string>((resolve, reject) => {
      let output = "";
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (text: string) => {
          output += text;
        });
      }
      child.once("error", reject);
      child.once("close", (code, signal) => {
        if (code === 0) resolve(output);
        else
          reject(new Error(`${command} ${args.join(" ")}: ${signal ?? `exit code ${String(code)}`}\n${output.trim()}`));
      });
    });
  } finally {
    forget();
  }
}

const REPOSITORY = new URL("../../", import.meta.url).pathname;

/** An error for a result file: without the paths of the machine. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(process.execPath, "node").replaceAll(REPOSITORY, "").trim();
}
