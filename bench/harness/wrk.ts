/**
 * The HTTP load generator for throughput: wrk, one thread, closed loop.
 *
 * wrk reports latency from the actual send time, so its percentiles hide requests that a stalled server delayed (coordinated
 * omission). They are printed for orientation, and no target uses them.
 */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { cpuSeconds } from "./proc.ts";
import { peerEnvironment, run, start } from "./processes.ts";

export interface WrkOptions {
  readonly connections: number;
  readonly seconds: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The server's processes: their CPU time during the run is reported per request. */
  readonly serverPids?: () => readonly number[];
}

export interface WrkResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly latencyMs: {
    readonly mean: number;
    readonly p50: number;
    readonly p90: number;
    readonly p99: number;
    readonly max: number;
  };
  readonly errors: {
    readonly connect: number;
    readonly read: number;
    readonly write: number;
    readonly timeout: number;
  };
  readonly non2xx: number;
}

export interface WrkRun extends WrkResult {
  /** Share of one core that the generator used. Near 1, the generator, not the server, set the pace. */
  readonly generatorCpu: number;
  readonly serverCpuMicrosPerRequest: number;
}

/** Installs wrk from the system's packages if it is missing. */
export async function installWrk(): Promise<void> {
  if (isOnPath("wrk")) return;
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  try {
    await run("apt-get", ["update", "-qq"], { env });
    await run("apt-get", ["install", "-y", "-qq", "wrk"], { env });
  } catch (error) {
    throw new Error(`wrk is missing and could not be installed; install it by hand (apt-get install wrk)`, {
      cause: error,
    });
  }
}

export function isOnPath(command: string): boolean {
  return (peerEnvironment()["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export async function wrk(url: string, options: WrkOptions): Promise<WrkRun> {
  const headers = Object.entries(options.headers ?? {}).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const generator = start("wrk", [
    "-t1",
    `-c${options.connections}`,
    `-d${Math.max(1, Math.round(options.seconds))}s`,
    "--timeout",
    "10s",
    "--latency",
    ...headers,
    url,
  ]);
  const serverPids = options.serverPids ?? (() => []);
  const startedAt = performance.now();
  const serverCpu = (): number => serverPids().reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  const serverCpuBefore = serverCpu();
  // The generator's own time can be read only while it lives, so the last reading before its end counts.
  let generatorCpu = 0;
  let serverCpuAfter = serverCpuBefore;
  const sampler = setInterval(() => {
    const used = cpuSeconds(generator.pid);
    if (used > 0) generatorCpu = used / ((performance.now() - startedAt) / 1000);
    serverCpuAfter = Math.max(serverCpuAfter, serverCpu());
  }, 200);
  try {
    await generator.waitForOutput(/Requests\/sec:.*\nTransfer\/sec:.*\n/, options.seconds * 1000 + 30_000);
    serverCpuAfter = Math.max(serverCpuAfter, serverCpu());
    const result = parseWrk(generator.output());
    return {
      ...result,
      generatorCpu,
      serverCpuMicrosPerRequest: (1e6 * (serverCpuAfter - serverCpuBefore)) / Math.max(1, result.requests),
    };
  } finally {
    clearInterval(sampler);
    await generator.stop(1000);
  }
}

export function parseWrk(text: string): WrkResult {
  const find = (pattern: RegExp): string | undefined => pattern.exec(text)?.[1];
  const requests = find(/^\s*(\d+) requests in /m);
  const rate = find(/^Requests\/sec:\s+([\d.]+)/m);
  if (requests === undefined || rate === undefined) throw new Error(`this is not wrk's output:\n${text}`);
  const latency = /^\s*Latency\s+(\S+)\s+\S+\s+(\S+)/m.exec(text);
  const share = (percent: number): number => wrkTimeMs(find(new RegExp(`^\\s*${percent}%\\s+(\\S+)`, "m")));
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  return {
    requests: Number(requests),
    requestsPerSecond: Number(rate),
    latencyMs: {
      mean: wrkTimeMs(latency?.[1]),
      p50: share(50),
      p90: share(90),
      p99: share(99),
      max: wrkTimeMs(latency?.[2]),
    },
    errors: {
      connect: Number(errors?.[1] ?? 0),
      read: Number(errors?.[2] ?? 0),
      write: Number(errors?.[3] ?? 0),
      timeout: Number(errors?.[4] ?? 0),
    },
    non2xx: Number(find(/^\s*Non-2xx or 3xx responses: (\d+)/m) ?? 0),
  };
}

const UNIT_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function wrkTimeMs(text: string | undefined): number {
  const match = /^([\d.]+)(us|ms|s|m|h)$/.exec(text ?? "");
  return match === null ? Number.NaN : Number(match[1]) * (UNIT_MS[match[2] ?? ""] ?? Number.NaN);
}
