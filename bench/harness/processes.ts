/**
 * Starting, watching and ending the measured processes. Linux only: trees are read from /proc.
 *
 * Invariant: only processes that were started here, or that descend from one, are ever signalled, and always by pid.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { onCleanup } from "./cleanup.ts";

export interface StartedProcess {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Everything written to stdout and stderr so far, cut to the last 16 KiB. */
  output(): string;
  /** Resolves when the output matches, rejects when the process ends first or the time is up. */
  waitForOutput(pattern: RegExp, timeoutMs?: number): Promise<RegExpMatchArray>;
  /** SIGTERM, then SIGKILL for it and whatever is left of its tree. */
  stop(graceMs?: number): Promise<void>;
}

const OUTPUT_LIMIT = 16 * 1024;

/** The environment every measured process gets: the Node that runs the benchmark comes first. */
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
  options: { env?: Readonly<Record<string, string>>; cwd?: string } = {},
): StartedProcess {
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: peerEnvironment(options.env),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  let output = "";
  let exited: string | undefined;
  const watchers = new Set<() => void>();
  const changed = (): void => {
    for (const watcher of watchers) watcher();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
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

/** Runs a command to its end; rejects with its output when it fails or takes too long. */
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

/** A port that was free a moment ago. Peers that can't report the port they got have to be told one. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** Waits until a plain request is answered with a 2xx. */
export async function waitUntilAnswering(url: string, timeoutMs = 20_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let last = "";
  while (performance.now() < deadline) {
    try {
      const response = await fetch(url, { headers: { connection: "close" }, signal: AbortSignal.timeout(2000) });
      await response.arrayBuffer();
      if (response.ok) return;
      last = `status ${response.status}`;
    } catch (error) {
      last = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    }
    await sleep(50);
  }
  throw new Error(`${url} gave no answer within ${timeoutMs} ms (last: ${last})`);
}

/** The given processes and all that descend from them, parents first; those that are gone are left out. */
export function processTree(roots: readonly number[]): number[] {
  const childrenOf = new Map<number, number[]>();
  const alive = new Set<number>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = readStat(Number(entry));
    if (stat === undefined || stat.state === "Z") continue;
    alive.add(stat.pid);
    const siblings = childrenOf.get(stat.parent);
    if (siblings === undefined) childrenOf.set(stat.parent, [stat.pid]);
    else siblings.push(stat.pid);
  }
  const tree = roots.filter((pid) => alive.has(pid));
  for (let index = 0; index < tree.length; index++) {
    for (const child of childrenOf.get(tree[index] ?? -1) ?? []) {
      if (!tree.includes(child)) tree.push(child);
    }
  }
  return tree;
}

export function isAlive(pid: number): boolean {
  const stat = readStat(pid);
  return stat !== undefined && stat.state !== "Z";
}

/** Waits for processes to end and kills those that have not after the grace period. */
export async function endProcesses(pids: readonly number[], graceMs: number): Promise<void> {
  const deadline = performance.now() + graceMs;
  while (performance.now() < deadline && pids.some(isAlive)) await sleep(20);
  for (const pid of pids) {
    if (isAlive(pid)) killIfThere(pid, "SIGKILL");
  }
  const gone = performance.now() + 2000;
  while (performance.now() < gone && pids.some(isAlive)) await sleep(10);
}

export function killIfThere(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

const REPOSITORY = new URL("../../", import.meta.url).pathname;

/** An error as it may stand in a result file: without the paths of the machine it happened on. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(process.execPath, "node").replaceAll(REPOSITORY, "").trim();
}

/** CPU seconds a process has used, user and system together; 0 when it is gone. */
export function cpuSeconds(pid: number): number {
  return readStat(pid)?.cpuSeconds ?? 0;
}

/** USER_HZ is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

interface Stat {
  readonly pid: number;
  readonly state: string;
  readonly parent: number;
  readonly cpuSeconds: number;
}

/** /proc/<pid>/stat, proc_pid_stat(5). The command name may hold spaces and brackets, so fields count from the last one. */
function readStat(pid: number): Stat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return {
    pid,
    state: fields[0] ?? "Z",
    parent: Number(fields[1]),
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
  };
}
