/** Where requests wait for a worker or a thread: what a change of the queues costs or gains. */
import type { Scenario } from "../../harness/scenario.ts";
import { streamOf } from "../../paced/paced.ts";
import { measurePaced, PACED_METRICS, sampleOf } from "../models/paced.ts";
import { bothVersions } from "./versions.ts";

const CLIENTS = 32;
const SHAPES: readonly (readonly [name: string, workers: number, flags: string, atOnce: number])[] = [
  ["sync × 2", 2, "--model sync", 2],
  ["sync × 4", 4, "--model sync", 4],
  ["threads × 8", 1, "--model threads --threads 8", 8],
];
const BLOCKED_MS = [2, 20] as const;

export const waiting: readonly Scenario[] = BLOCKED_MS.map((blockedMs) => ({
  name: `waiting-${blockedMs}ms`,
  title: `A handler that blocks for ${blockedMs} ms, and more clients than handlers`,
  about: `${CLIENTS} clients, each sends its next request when the last is answered. The share of the rate at which no handler is ever idle.`,
  contenders: SHAPES.flatMap(([name, workers, flags]) => bothVersions(name, "models", workers, flags)),
  metrics: [{ key: "ofIdeal", label: "share of ideal", unit: "", digits: 3 }, ...PACED_METRICS],
  targets: SHAPES.map(([name]) => ({
    metric: "ofIdeal",
    over: "median" as const,
    contender: `${name}, now`,
    against: `${name}, base`,
    atLeast: 0.98,
  })),
  async measure(running, { name }, pace) {
    const atOnce = SHAPES.find(([shape]) => name.startsWith(shape))![3];
    const streams = [{ name: "block", path: `/block?ms=${blockedMs}`, clients: CLIENTS }];
    const report = await measurePaced(running, pace, { streams, settleMs: 500 });
    const ofIdeal = streamOf(report, "block").perSecond / ((atOnce * 1000) / blockedMs);
    return sampleOf(report, "block", { ofIdeal });
  },
}));
