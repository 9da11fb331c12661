/** The common parts of the scenarios that use bench/paced/paced.ts: warm-up, measurement, columns. */
import type { Metric, Pace, Sample } from "../../harness/scenario.ts";
import { pacedLoad, type PacedOptions, type PacedReport, type StreamReport, streamOf } from "../../paced/paced.ts";
import type { RunningPeer } from "../../peers/peer.ts";

export const PACED_METRICS: readonly Metric[] = [
  { key: "requestsPerSecond", label: "requests", unit: "1/s", digits: 0 },
  { key: "p50Ms", label: "p50", unit: "ms", digits: 2 },
  { key: "p95Ms", label: "p95", unit: "ms", digits: 2 },
  { key: "p99Ms", label: "p99", unit: "ms", digits: 2 },
  { key: "shed", label: "shed (503)", unit: "", digits: 0 },
  { key: "failed", label: "failed", unit: "", digits: 0 },
  {
    key: "generator",
    label: "generator's loop busy",
    unit: "",
    digits: 2,
    doubtful: { above: 0.9, because: "the generator may have been late itself" },
  },
];

/** Runs the load twice, and discards the first run: after it, handlers are compiled and pools have grown. */
export async function measurePaced(
  running: RunningPeer,
  pace: Pace,
  options: Omit<PacedOptions, "url" | "seconds">,
): Promise<PacedReport> {
  const load = { ...options, url: running.url };
  if (pace.warmUpSeconds > 0) await pacedLoad({ ...load, seconds: pace.warmUpSeconds });
  return pacedLoad({ ...load, seconds: pace.seconds });
}

export function sampleOf(report: PacedReport, name: string, more: Readonly<Record<string, number>> = {}): Sample {
  return {
    metrics: { ...metricsOf(streamOf(report, name)), generator: report.generatorUtilization, ...more },
    detail: report,
  };
}

function metricsOf({ perSecond, p50Ms, p95Ms, p99Ms, shed, failed }: StreamReport): Record<string, number> {
  return { requestsPerSecond: perSecond, p50Ms, p95Ms, p99Ms, shed, failed };
}
