/** What the throughput scenarios share: warm-up and measurement with wrk, and the columns of the table. */
import type { Metric, Pace, Sample } from "../harness/scenario.ts";
import { wrk } from "../harness/wrk.ts";
import type { RunningPeer } from "../peers/peer.ts";

export const THROUGHPUT_METRICS: readonly Metric[] = [
  { key: "requestsPerSecond", label: "requests", unit: "1/s", digits: 0 },
  { key: "p50Ms", label: "p50", unit: "ms", digits: 2 },
  { key: "p99Ms", label: "p99", unit: "ms", digits: 2 },
  { key: "serverCpuMicros", label: "server CPU per request", unit: "µs", digits: 1 },
  {
    key: "generatorCpu",
    label: "generator CPU",
    unit: "cores",
    digits: 2,
    doubtful: { above: 0.9, because: "the generator may have set the pace" },
  },
  { key: "errors", label: "errors", unit: "", digits: 0 },
];

export async function measureThroughput(
  running: RunningPeer,
  pace: Pace,
  options: { connections: number; headers?: Readonly<Record<string, string>> },
): Promise<Sample> {
  const url = `${running.url}/`;
  if (pace.warmUpSeconds > 0) await wrk(url, { ...options, seconds: pace.warmUpSeconds });
  const result = await wrk(url, { ...options, seconds: pace.seconds, serverPids: () => running.pids() });
  const { connect, read, write, timeout } = result.errors;
  return {
    metrics: {
      requestsPerSecond: result.requestsPerSecond,
      p50Ms: result.latencyMs.p50,
      p99Ms: result.latencyMs.p99,
      serverCpuMicros: result.serverCpuMicrosPerRequest,
      generatorCpu: result.generatorCpu,
      errors: connect + read + write + timeout + result.non2xx,
    },
    detail: result,
  };
}
