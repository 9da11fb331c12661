/**
 * What one request of each route costs: one client, one route at a time, before any sweep. Its server should be one event loop
 * (`loop`, 1 × 1): only there is the longest block of a route known.
 *
 *   idle server (what it uses by itself) → each route: a warm-up window → windows; the fastest counts
 *
 * - D: CPU time of the process tree for a request, less what the idle server uses. W = R − D, with R the mean time of an answer.
 * - Other programs on the machine only ever make an answer slower. So the fastest of a few windows is the least disturbed one.
 */

import { HeddleError } from "../../errors/errors.ts";
import type { RouteProfile, Sample } from "../types.ts";
import type { BootedShape } from "./boot-shape.ts";
import { type LoopBlocks, longestBlockMs } from "./loops.ts";

export interface ProfiledRoute {
  readonly name: string;
  readonly weight: number;
}

export interface ProfileOptions<Route extends ProfiledRoute> {
  readonly server: Pick<BootedShape, "cpuSeconds" | "blocks">;
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
    const before = await read(server);
    const samples: Sample[] = [];
    for (let i = 0; i < WINDOWS; i++) {
      signal?.throwIfAborted();
      samples.push(await drive(route, { warmUpMs: Math.min(answerMs, 100), measureMs }));
    }
    profiles.push(profileOf(route, samples, { before, after: await read(server), idle }));
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
  readonly loops: LoopBlocks;
}

/** Pure. `samples` were taken between the two readings. @throws HeddleError TUNE_NOT_SERVED: there is no answer among them */
export function profileOf(
  { name, weight }: ProfiledRoute,
  samples: readonly Sample[],
  { before, after, idle }: { readonly before: Reading; readonly after: Reading; readonly idle: Idle },
): RouteProfile {
  const answered = samples.filter(({ answers }) => answers > 0);
  const base = { route: name, weight };
  if (answered.length === 0)
    throw new HeddleError(
      "TUNE_NOT_SERVED",
      `${name} gave no good answer within ${Math.round(after.atMs - before.atMs)} ms.`,
    );
  const best = answered.reduce((a, b) => (b.latency.meanMs < a.latency.meanMs ? b : a));
  const answerMs = best.latency.meanMs;
  const requests = best.answers + best.errors;
  const passedMs = after.atMs - before.atMs;
  const busyShare = (after.loops.busyMs - before.loops.busyMs - (idle.busyMsPerSecond * passedMs) / 1000) / passedMs;
  const loopMs = answerMs * Math.min(1, Math.max(0, busyShare));
  const { serverCpuSeconds } = best;
  // A system that does not tell CPU times: what the loop was busy for is the nearest to them.
  const cpuMs =
    serverCpuSeconds === undefined || Number.isNaN(serverCpuSeconds)
      ? loopMs
      : Math.max(0, (1000 * (serverCpuSeconds - idle.cpuPerSecond * best.seconds)) / requests);
  return {
    ...base,
    cpuMs,
    waitMs: Math.max(0, answerMs - cpuMs),
    longestBlockMs: longestBlockMs(before.loops, after.loops),
    loopMs,
  };
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
  return { atMs: performance.now(), loops };
}
