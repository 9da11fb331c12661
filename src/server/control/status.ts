/** What `heddle status` shows: the workers' own reports, added up. The one place that knows the JSON's shape. */

import type { Arbiter, LastReload } from "../arbiter/arbiter.ts";
import type { ActorsStatus } from "../arbiter/actors/actor-server.ts";
import type { SharedStatus } from "../arbiter/shared/shared-server.ts";
import { addCounters } from "../arbiter/workers/retired-totals.ts";
import type { WorkerHandle } from "../arbiter/workers/worker-handle.ts";
import {
  addSparse,
  HISTOGRAM_BUCKETS,
  type LatencySummary,
  type SparseCounts,
  summarise,
} from "../../kit/latency-histogram.ts";
import { addCounts, type UnitCounts } from "../../runtime/watch/unit-counts.ts";
import type { OwnProtocol } from "../../platform/app-servers.ts";
import { residentBytes } from "../../platform/descriptors.ts";
import type { AdaptiveReport } from "../http/admit/adaptive/adaptive-limit.ts";
import { type DescriptorReport, reportDescriptors } from "../worker/descriptor-watch.ts";
import type { UnitsOfThread } from "../worker/report/unit-views.ts";
import type { Counters, PoolReport, ThreadReport, WorkerReport, WorkerTotals } from "../worker/worker-protocol.ts";

export interface WorkerStatus {
  readonly pid: number;
  readonly slot: number;
  readonly generation: number;
  /** starting, ready, serving or draining; `silent` when it did not answer. */
  readonly state: string;
  readonly uptimeMs: number;
  readonly rssBytes: number;
  readonly threadRestarts: number;
  /** Accepted connections without a thread: all threads are blocked, booting or dead. */
  readonly waiting: number;
  /** undefined: they can't be counted. */
  readonly descriptors: DescriptorReport | undefined;
  readonly threads: readonly ThreadReport[];
  /** Pools of handler threads. */
  readonly pools: readonly PoolReport[];
  /** The gates with adaptive limits. */
  readonly limits: readonly AdaptiveReport[];
}

/** Latencies in milliseconds. A window is the last 10 to 20 s. */
export interface LatencyStatus {
  readonly sinceStart: LatencySummary;
  readonly window: LatencySummary;
}

export interface ServerStatus {
  readonly pid: number;
  readonly app: string;
  readonly shape: string | undefined;
  /** What the app's own server speaks, if it gets the connections itself: https, h2, or h2c (HTTP/2 in clear text). */
  readonly protocol: OwnProtocol | undefined;
  readonly cwd: string;
  readonly urls: readonly string[];
  readonly startedAt: string;
  readonly uptimeMs: number;
  readonly generation: number;
  readonly lastReload: LastReload | undefined;
  readonly stopping: boolean;
  /** Remaining time of a delayed stop (`--stop-delay`), while everything is served as before. */
  readonly stopsInMs: number | undefined;
  readonly ready: boolean;
  /** The arbiter's own. undefined: they can't be counted. */
  readonly descriptors: DescriptorReport | undefined;
  /** Of the whole process tree. */
  readonly rssBytes: number;
  readonly restarts: { readonly workers: number; readonly threads: number };
  readonly models: Readonly<Record<string, { readonly inFlight: number; readonly queued: number }>>;
  /** By route (`*`: every other request): what leads its clients to one copy of the app. Only routes with such a setting. */
  readonly sticky: Readonly<Record<string, string>>;
  readonly counters: Counters;
  /** Names and workers of actors that reach each other across workers. */
  readonly actors: ActorsStatus;
  /** What `heddle/shared` keeps. undefined: it is turned off. */
  readonly shared: SharedStatus | undefined;
  readonly handler: LatencyStatus;
  readonly queue: LatencyStatus;
  readonly workers: readonly WorkerStatus[];
  /** Tasks and actors. undefined: no thread's app has imported `heddle/tasks` or `heddle/actors`. */
  readonly units: UnitsStatus | undefined;
}

export interface UnitsStatus {
  readonly total: UnitCounts;
  /** Actors that were ended since the start because they computed for longer than their budget. */
  readonly runaways: number;
  readonly threads: readonly UnitsOfThread[];
}

export async function collectStatus(arbiter: Arbiter): Promise<ServerStatus> {
  const { config, fleet } = arbiter;
  const asked = await Promise.all(fleet.workers.map(async (worker) => ({ worker, report: await worker.report() })));
  const reports = asked.flatMap(({ worker, report }) => (report === undefined || isCounted(worker) ? [] : [report]));
  const totals = asked.flatMap(({ worker, report }) => (isCounted(worker) ? [] : (report ?? worker.lastTotals ?? [])));
  const everything: readonly WorkerTotals[] = [...totals, fleet.departed];
  const counters = addCounters(everything);
  return {
    pid: process.pid,
    app: config.app,
    shape: arbiter.app?.shape,
    protocol: arbiter.app?.protocol,
    cwd: config.cwd,
    urls: arbiter.urls,
    startedAt: arbiter.startedAt.toISOString(),
    uptimeMs: Date.now() - arbiter.startedAt.getTime(),
    generation: arbiter.generation,
    lastReload: arbiter.lastReload,
    stopping: arbiter.stopping,
    stopsInMs: arbiter.stopsInMs,
    ready: arbiter.ready,
    descriptors: reportDescriptors(arbiter.isFull),
    rssBytes: residentBytes() + sum(reports, ({ rssBytes }) => rssBytes),
    restarts: { workers: fleet.restarts, threads: sum(everything, ({ threadRestarts }) => threadRestarts) },
    models: byModel(config.model, reports, arbiter.waiting),
    sticky: Object.fromEntries(
      (arbiter.app?.routes ?? []).flatMap(({ name, sticky }) => (sticky === "none" ? [] : [[name, sticky]])),
    ),
    counters: { ...counters, shed: counters.shed + arbiter.shed },
    actors: arbiter.actors.status,
    shared: arbiter.shared.status,
    handler: { sinceStart: merge(everything, "handler"), window: merge(reports, "handlerWindow") },
    queue: { sinceStart: merge(everything, "queue"), window: merge(reports, "queueWindow") },
    workers: asked.map(({ worker, report }) => workerStatus(worker, report)),
    units: unitsStatus(reports, everything),
  };
}

function unitsStatus(reports: readonly WorkerReport[], everything: readonly WorkerTotals[]): UnitsStatus | undefined {
  const threads = reports.flatMap(({ units }) => units);
  if (threads.length === 0) return undefined;
  return {
    total: addCounts(threads.map(({ counts }) => counts)),
    runaways: sum(everything, ({ runaways }) => runaways),
    threads,
  };
}

/** The worker has ended since it was asked: the totals of ended workers already contain its counts. */
function isCounted({ state, lastTotals }: WorkerHandle): boolean {
  return state === "gone" && lastTotals !== undefined;
}

function workerStatus({ pid, slot, generation, state }: WorkerHandle, report: WorkerReport | undefined): WorkerStatus {
  return {
    pid,
    slot,
    generation,
    state: report === undefined && state !== "starting" ? "silent" : state,
    uptimeMs: report?.uptimeMs ?? 0,
    rssBytes: report?.rssBytes ?? 0,
    threadRestarts: report?.threadRestarts ?? 0,
    waiting: report?.waiting ?? 0,
    descriptors: report?.descriptors,
    threads: report?.threads ?? [],
    pools: report?.pools ?? [],
    limits: report?.limits ?? [],
  };
}

/** A request on a handler thread is also one of its serving thread; it is counted once, for the model that runs it. */
function byModel(main: string, reports: readonly WorkerReport[], waiting: number): ServerStatus["models"] {
  const threads = reports.flatMap((report) => report.threads);
  const models: Record<string, { inFlight: number; queued: number }> = {
    [main]: {
      inFlight: sum(threads, ({ inFlight }) => inFlight),
      queued: sum(threads, ({ queued }) => queued) + waiting,
    },
  };
  for (const { model, inFlight, queued } of reports.flatMap(({ pools }) => pools)) {
    const of = (models[model] ??= { inFlight: 0, queued: 0 });
    of.queued += queued;
    if (model === main) continue;
    of.inFlight += inFlight + queued;
    models[main]!.inFlight = Math.max(0, models[main]!.inFlight - inFlight - queued);
  }
  return models;
}

function merge<Which extends string>(
  reports: readonly Readonly<Record<Which, SparseCounts>>[],
  which: Which,
): LatencySummary {
  const counts = new Float64Array(HISTOGRAM_BUCKETS);
  for (const report of reports) addSparse(counts, report[which]);
  return summarise(counts);
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
