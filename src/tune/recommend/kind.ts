/**
 * What a route does with its time, from its profile. Pure. The kinds are those that want different models:
 *
 *   computes   holds its event loop because it computes: one core can do one at a time
 *   blocks     holds its event loop, and computes for less than half of that: a call that waits synchronously
 *   waits      its time is mostly asynchronous waiting; its event loop is free meanwhile
 *   both       holds its event loop for so long that others notice, and waits asynchronously for longer still
 *   quick      neither: what HTTP itself takes is a good part of it
 */

import type { RouteProfile } from "../types.ts";

export type Kind = "computes" | "blocks" | "waits" | "both" | "quick";

/** Others on the loop notice a block of this length. */
export const LONG_BLOCK_MS = 10;

/** Below, handing a request to another thread and back costs a good part of the request. */
const SHORT_MS = 2;

export function kindOf(profile: RouteProfile): Kind {
  const { cpuMs, waitMs, longestBlockMs } = profile;
  const loopMs = loopMsOf(profile);
  const blockedMs = loopMs - cpuMs;
  if (blockedMs >= SHORT_MS && blockedMs >= cpuMs && blockedMs >= (waitMs - blockedMs) / 2) return "blocks";
  // If it computes on threads of its own, the loop is free meanwhile.
  const isOnLoop = loopMs >= cpuMs / 2;
  if (isOnLoop && cpuMs >= SHORT_MS && cpuMs >= waitMs) return "computes";
  if (loopMs >= LONG_BLOCK_MS && longestBlockMs >= LONG_BLOCK_MS) return "both";
  return waitMs >= SHORT_MS ? "waits" : "quick";
}

/** How long a request holds its event loop. A profile without it has the longest block only. */
export function loopMsOf({ cpuMs, longestBlockMs, loopMs }: RouteProfile): number {
  return loopMs ?? Math.max(cpuMs, longestBlockMs);
}

/** Others on its event loop must wait for it. */
export function isHeavy(kind: Kind): boolean {
  return kind === "computes" || kind === "blocks" || kind === "both";
}

export interface Mix {
  /** `mixed`: routes that hold the loop, and others that should not have to wait for them. */
  readonly kind: Kind | "mixed";
  /** Of the mean request. */
  readonly cpuMs: number;
  readonly waitMs: number;
  /** How long it holds its event loop. */
  readonly loopMs: number;
  readonly heavy: readonly RouteProfile[];
  readonly light: readonly RouteProfile[];
}

/** All routes together, each as often as its weight says. undefined: there is no profile. */
export function mixOf(profiles: readonly RouteProfile[]): Mix | undefined {
  if (profiles.length === 0) return undefined;
  const kinds = profiles.map(kindOf);
  const heavy = profiles.filter((_, i) => isHeavy(kinds[i]!));
  const light = profiles.filter((_, i) => !isHeavy(kinds[i]!));
  const mean = (of: (profile: RouteProfile) => number): number => {
    const weights = profiles.map(({ weight = 1 }) => weight);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return profiles.reduce((sum, profile, i) => sum + of(profile) * weights[i]!, 0) / total;
  };
  return {
    kind: heavy.length > 0 && light.length > 0 ? "mixed" : commonKind(kinds),
    cpuMs: mean(({ cpuMs }) => cpuMs),
    waitMs: mean(({ waitMs }) => waitMs),
    loopMs: mean(loopMsOf),
    heavy,
    light,
  };
}

/** Of kinds that are all heavy, or all light: the one that needs the most. */
function commonKind(kinds: readonly Kind[]): Kind {
  const byNeed: readonly Kind[] = ["blocks", "both", "computes", "waits", "quick"];
  return byNeed.find((kind) => kinds.includes(kind))!;
}
