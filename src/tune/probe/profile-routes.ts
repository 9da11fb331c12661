/**
 * What one request of each route costs: one client, one route at a time, before any sweep. Its server should be one event loop
 * (`loop`, 1 × 1): only there is the longest block of a route known.
 *
 *   idle server (what it uses by itself) → each route: a warm-up window → windows; the fastest counts
 *
 * - D: CPU time of the process tree for a request, less what the idle server uses. W = R − D, with R the mean time of an answer.
 * - Other programs on the machine only ever make an answer slower. So the fastest of a few windows counts. The time in which the loop
 *   was in the middle of something and had no core is taken off: it is neither D nor W, and would look like a call that blocks. At most
 *   so much is taken off that the rest is what the fastest tenth of the answers took.
 */

import { HeddleError } from "../../errors/errors.ts";
import { causeInWords, mainCause } from "../load/causes.ts";
import type { RouteProfile, Sample } from "../types.ts";
import type { BootedShape } from "./boot-shape.ts";
import { type LoopBlocks, longestBlockMs } from "./loops.ts";

export interface ProfiledRoute {
  readonly name: string;
  readonly weight: number;
  /** As in `RouteProfile`. */
  readonly key?: string;
}

export interface ProfileOptions<Route extends ProfiledRoute> {
  readonly server: Pick<BootedShape, "cpuSeconds" | "runDelaySeconds" | "blocks">;
  readonly routes: readonly Route[];
  /** One client asks for this route again and again. `serverCpuSeconds` of the sample is that of its window. */
  readonly drive: (route: Route, length: { readonly warmUpMs: number; readonly measureMs: number }) => Promise<Sample>;
  /** For all routes together. A route whose answers take long gets more: each window is to have a few answers. */
  readonly budgetMs: number;
  readonly signal?: AbortSignal;
}

const WINDOWS = 3;
/** So many answers of a route make its code hot: V8 compiles it meanwhile. */
const WARM_UP_SHARE = 0.25;
const IDLE_SHARE = 0.1;
const FAST_SHARE = 0.1;
/** After a load the server still collects garbage. */
const SETTLE_MS = 100;
const SHORTEST_WINDOW_MS = 200;
/** With fewer answers in a window, the answers at its two ends decide what is measured. */
const ANSWERS = 5;
/** A route that takes seconds must not use up the budget of the sweep. */
const LONGEST_WINDOW_MS = 5000;

/** In the order of `routes`. @throws what `drive` and `server.blocks` throw; the signal's reason */
export async function profileRoutes<Route extends ProfiledRoute>(
  options: ProfileOptions<Route>,
): Promise<RouteProfile[]> {
  const { server, routes, drive, budgetMs, signal } = options;
  const eachMs = (budgetMs * (1 - IDLE_SHARE)) / Math.max(1, routes.length);
  const profiles: RouteProfile[] = [];
  const answersMs = new Map<Route, number>();
  for (const route of routes) {
    signal?.throwIfAborted();
    const warmUpMs = Math.max(SHORTEST_WINDOW_MS, eachMs * WARM_UP_SHARE);
    const { answers, latency } = await drive(route, { warmUpMs: 0, measureMs: warmUpMs });
    answersMs.set(route, answers > 0 ? latency.meanMs : warmUpMs);
  }
  const idle = await watchIdle(server, Math.max(SHORTEST_WINDOW_MS, budgetMs * IDLE_SHARE));
  for (const route of routes) {
    const answerMs = answersMs.get(route)!;
    const shareMs = (eachMs * (1 - WARM_UP_SHARE)) / WINDOWS;
    const measureMs = Math.max(SHORTEST_WINDOW_MS, shareMs, Math.min(LONGEST_WINDOW_MS, ANSWERS * answerMs));
    const readings = [await read(server)];
    const samples: Sample[] = [];
    for (let i = 0; i < WINDOWS; i++) {
      signal?.throwIfAborted();
      samples.push(await drive(route, { warmUpMs: Math.min(answerMs, 100), measureMs }));
      readings.push(await read(server));
    }
    profiles.push(profileOf(route, samples, readings, idle));
  }
  return profiles;
}

/** What the server uses without a request. */
export interface Idle {
  readonly cpuPerSecond: number;
  readonly busyMsPerSecond: number;
}

export interface Reading {
  readonly atMs: number;
  readonly runDelaySeconds: number;
  readonly loops: LoopBlocks;
}

/** Pure. Each sample was taken between two of the readings. @throws HeddleError TUNE_NOT_SERVED: there is no answer among them */
export function profileOf(
  { name, weight, key }: ProfiledRoute,
  samples: readonly Sample[],
  readings: readonly Reading[],
  idle: Idle,
): RouteProfile {
  const [first, last] = [readings[0]!, readings.at(-1)!];
  const windows = samples.flatMap((sample, i) =>
    sample.answers > 0 ? [windowOf(sample, readings[i]!, readings[i + 1]!, idle)] : [],
  );
  if (windows.length === 0) {
    const passedMs = Math.round(last.atMs - first.atMs);
    const cause = mainCause(samples);
    const got = cause === undefined ? "" : `, mostly: ${causeInWords(cause)}`;
    throw new HeddleError("TUNE_NOT_SERVED", `${name} gave no good answer within ${passedMs} ms${got}.`);
  }
  const { answerMs, cpuMs, loopMs } = windows.reduce((a, b) => (b.answerMs < a.answerMs ? b : a));
  return {
    route: name,
    cpuMs,
    waitMs: Math.max(0, answerMs - cpuMs),
    longestBlockMs: longestBlockMs(first.loops, last.loops),
    loopMs,
    weight,
    ...(key === undefined ? {} : { key }),
  };
}

/** Times of one request, without those in which the server had no core. */
function windowOf(
  sample: Sample,
  before: Reading,
  after: Reading,
  idle: Idle,
): { readonly answerMs: number; readonly cpuMs: number; readonly loopMs: number } {
  const { latency, seconds, serverCpuSeconds } = sample;
  const passedMs = after.atMs - before.atMs;
  const share = (ms: number): number => Math.min(1, Math.max(0, ms / passedMs));
  const busyMs =
    latency.meanMs * share(after.loops.busyMs - before.loops.busyMs - (idle.busyMsPerSecond * passedMs) / 1000);
  if (serverCpuSeconds === undefined || Number.isNaN(serverCpuSeconds)) {
    // A system that does not tell CPU times: what the loop was busy for is the nearest to them.
    return { answerMs: latency.meanMs, cpuMs: busyMs, loopMs: busyMs };
  }
  const requests = sample.answers + sample.errors;
  const cpuMs = Math.max(0, (1000 * (serverCpuSeconds - idle.cpuPerSecond * seconds)) / requests);
  // While the loop waits for nothing but a core after an I/O wait, it does not count as busy, and nothing is taken off.
  const delayMs = latency.meanMs * share(1000 * (after.runDelaySeconds - before.runDelaySeconds));
  const lostMs = Math.max(0, Math.min(delayMs, busyMs - cpuMs, latency.meanMs - fastMs(sample)));
  return { answerMs: latency.meanMs - lostMs, cpuMs, loopMs: busyMs - lostMs };
}

/** A tenth of the answers took at most so long. */
function fastMs({ histogram, answers }: Sample): number {
  let seen = 0;
  for (const [upToMs, count] of histogram) {
    seen += count;
    if (seen >= answers * FAST_SHARE) return upToMs;
  }
  return Infinity;
}

async function watchIdle(server: ProfileOptions<ProfiledRoute>["server"], ms: number): Promise<Idle> {
  await sleep(SETTLE_MS);
  const before = await read(server);
  const cpuSeconds = server.cpuSeconds();
  const atMs = performance.now();
  await sleep(ms);
  const seconds = (performance.now() - atMs) / 1000;
  const cpuPerSecond = (server.cpuSeconds() - cpuSeconds) / seconds;
  const after = await read(server);
  return { cpuPerSecond, busyMsPerSecond: (after.loops.busyMs - before.loops.busyMs) / seconds };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function read(server: ProfileOptions<ProfiledRoute>["server"]): Promise<Reading> {
  const loops = await server.blocks();
  return { atMs: performance.now(), runDelaySeconds: server.runDelaySeconds(), loops };
}
