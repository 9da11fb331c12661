/**
 * Gunther's Universal Scalability Law, X(N) = γN / (1 + α(N − 1) + βN(N − 1)): γ one client's throughput, α the share of work that
 * waits in a queue, β the cost of keeping the workers in agreement. β above 0: throughput falls beyond a peak. It describes the shape
 * beyond the knee; the knee itself is `knee.ts`'s.
 */

import type { LevelThroughputs, UslFit } from "../types.ts";
import { checkedLevels, isPositive } from "./input.ts";
import { type LeastSquares, leastSquares } from "./least-squares.ts";

/** With fewer, three parameters follow the noise. */
export const USL_LEVELS = 6;

const BOUNDS = { low: [0, 0, 0], high: [1, 1, Infinity] };

/** From each of these the fit is started: the sum of squares can have more than one minimum. */
const STARTS: readonly (readonly [alpha: number, beta: number])[] = [
  [0.01, 0.0001],
  [0.2, 0.0001],
  [0.001, 0.01],
  [0.5, 0.1],
];

/** Below it a fitted α or β is the solver's rest of an exact 0. */
const NOTHING = 1e-9;

/** Undefined with fewer than 6 concurrencies, or without one answer. */
export function fitUsl(levels: readonly LevelThroughputs[]): UslFit | undefined {
  const checked = checkedLevels(levels);
  if (checked.length < USL_LEVELS) return undefined;
  const points = checked.flatMap(({ concurrency, throughputs }) => throughputs.map((x) => [concurrency, x] as const));
  const start = Math.max(...points.map(([n, x]) => x / n));
  if (!isPositive(start)) return undefined;
  let best: LeastSquares | undefined;
  for (const [alpha, beta] of STARTS) {
    // In units of the start, so that the three parameters are of like size.
    const fit = leastSquares((parameters) => deviations(points, parameters, start), [alpha, beta, 1], BOUNDS);
    if (best === undefined || fit.sumOfSquares < best.sumOfSquares) best = fit;
  }
  const [alpha, beta, gamma] = (best as LeastSquares).parameters as [number, number, number];
  return described(zeroed(alpha), zeroed(beta), gamma * start);
}

export function uslThroughput(
  { alpha, beta, gamma }: Pick<UslFit, "alpha" | "beta" | "gamma">,
  concurrency: number,
): number {
  return (gamma * concurrency) / (1 + alpha * (concurrency - 1) + beta * concurrency * (concurrency - 1));
}

function deviations(points: readonly (readonly [number, number])[], parameters: readonly number[], unit: number) {
  const [alpha, beta, gamma] = parameters as [number, number, number];
  const residuals: number[] = [];
  const gradients: number[][] = [];
  for (const [n, x] of points) {
    const below = 1 + alpha * (n - 1) + beta * n * (n - 1);
    const fitted = (gamma * n) / below;
    residuals.push(fitted - x / unit);
    gradients.push([(-fitted * (n - 1)) / below, (-fitted * n * (n - 1)) / below, n / below]);
  }
  return { residuals, gradients };
}

function described(alpha: number, beta: number, gamma: number): UslFit {
  const fit = { alpha, beta, gamma };
  const peakConcurrency = beta > 0 ? Math.max(1, Math.sqrt((1 - alpha) / beta)) : undefined;
  return {
    ...fit,
    ...(peakConcurrency !== undefined && { peakConcurrency, peakThroughput: uslThroughput(fit, peakConcurrency) }),
    ...(alpha > 0 && { roof: gamma / alpha }),
  };
}

function zeroed(parameter: number): number {
  return parameter < NOTHING ? 0 : parameter;
}
