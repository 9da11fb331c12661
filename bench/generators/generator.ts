/** The contract of a load generator, and running one that is a program: on its own core, with its CPU time. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { allowedCpus } from "../../src/tune/load/generator.ts";
import { cpuSeconds, processTree } from "../harness/proc.ts";
import { start } from "../harness/processes.ts";
import type { Availability } from "../peers/peer.ts";

export interface GeneratorOptions {
  readonly connections: number;
  readonly seconds: number;
  /** Requests a second; without it a closed loop, as fast as it goes. */
  readonly rate?: number;
}

export interface GeneratorRun {
  readonly requestsPerSecond: number;
  /** Share of one core that it used. */
  readonly cores: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Everything that isn't a good answer. */
  readonly errors: number;
}

export interface LoadGenerator {
  readonly name: string;
  /** Why it can't be driven by a rate, if it can't. */
  readonly noRate?: string;
  install(): Promise<Availability>;
  run(url: string, options: GeneratorOptions): Promise<GeneratorRun>;
}

/** Servers get all cores but the last; generators the last. undefined: there is one core only. */
export function cores(): { readonly server: readonly number[]; readonly generator: number } | undefined {
  const all = allowedCpus();
  const generator = all.at(-1);
  return all.length < 2 || generator === undefined ? undefined : { server: all.slice(0, -1), generator };
}

/** A command line that runs on these cores. */
export function pinned(cpus: readonly number[] | undefined, command: readonly string[]): [string, string[]] {
  const [first = "", ...rest] = cpus === undefined ? command : ["taskset", "--cpu-list", cpus.join(","), ...command];
  return [first, rest];
}

/** A program's start is not what it does afterwards: its CPU time counts from then on. */
const START_MS = 700;
const EVERY_MS = 100;
const MOST_READING_MS = 20;
const GRACE_MS = 30_000;

/** Runs a program to its end. Its output is the last 16 KiB. */
export async function runProgram(
  command: readonly string[],
  options: GeneratorOptions,
): Promise<{ readonly output: string; readonly cores: number }> {
  const own = cores();
  const [program, args] = pinned(own === undefined ? undefined : [own.generator], command);
  const running = start(program, args);
  const closed = once(running.child, "close") as Promise<[code: number | null]>;
  const startedAt = performance.now();
  let first: Reading | undefined;
  let last: Reading | undefined;
  const sampler = setInterval(() => {
    const fromMs = performance.now();
    if (fromMs - startedAt < START_MS || fromMs - startedAt > options.seconds * 1000) return;
    const cpu = processTree([running.pid]).reduce((sum, pid) => sum + cpuSeconds(pid), 0);
    const atMs = performance.now();
    // Held up in between: nobody knows of which moment the reading is.
    if (atMs - fromMs > MOST_READING_MS) return;
    last = { atMs, cpu };
    first ??= last;
  }, EVERY_MS);
  try {
    const late = sleep(options.seconds * 1000 + GRACE_MS, undefined, { ref: false });
    const [code] = (await Promise.race([closed, late])) ?? ["it did not end"];
    if (code !== 0) throw new Error(`${command.join(" ")}: ${String(code)}\n${running.output()}`);
    const seconds = first === undefined || last === undefined ? 0 : (last.atMs - first.atMs) / 1000;
    const used = seconds === 0 ? Number.NaN : ((last?.cpu ?? 0) - (first?.cpu ?? 0)) / seconds;
    return { output: running.output(), cores: used };
  } finally {
    clearInterval(sampler);
    await running.stop(1000);
  }
}

interface Reading {
  readonly atMs: number;
  readonly cpu: number;
}
