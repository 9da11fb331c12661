/** The low-load anchor: what the profile of the routes says of the knee, without saturating anything. Pure. */

import type { LowLoadAnchor } from "../estimate/knee.ts";
import type { RouteProfile, Shape } from "../types.ts";

/**
 * Below, most of the CPU time of a single request is what it takes to wake up for it. Under load that is shared by many, so that the
 * anchor would put the knee too low.
 */
const LEAST_CPU_MS = 2;

/**
 * All routes together, each as often as it is sent. undefined: it says nothing here, as of routes that do not share their threads with
 * the others.
 */
export function anchorOf(profiles: readonly RouteProfile[], shape: Shape, cores: number): LowLoadAnchor | undefined {
  const total = profiles.reduce((sum, { weight = 1 }) => sum + weight, 0);
  const mean = (of: (profile: RouteProfile) => number): number =>
    profiles.reduce((sum, profile) => sum + of(profile) * (profile.weight ?? 1), 0) / total;
  const serviceMs = mean(({ cpuMs }) => cpuMs);
  // NaN: the CPU time is not known.
  if (!(serviceMs >= LEAST_CPU_MS) || shape.routes !== undefined) return undefined;
  const responseMs = mean(({ cpuMs, waitMs }) => cpuMs + waitMs);
  return { responseMs, serviceMs, servers: Math.min(cores, shape.workers * shape.threads) };
}
