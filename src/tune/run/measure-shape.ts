/**
 * Measures one shape: warm-up → sweep → estimates. And the open-loop confirmation of one.
 */

import { estimateKnee, type LowLoadAnchor, throughputMax } from "../estimate/knee.ts";
import { isotonic } from "../estimate/isotonic.ts";
import { kneedle } from "../estimate/kneedle.ts";
import { sloCeiling } from "../estimate/slo.ts";
import { fitUsl } from "../estimate/usl.ts";
import { HeddleError } from "../../errors/errors.ts";
import type { Generator, Loop } from "../load/generator.ts";
import type { Captured } from "../load/http/ready-request.ts";
import { DEFAULT_TIMEOUT_MS } from "../load/plan.ts";
import { sendSetup } from "../load/setup.ts";
import type { Scenario } from "../scenario/scenario.ts";
import { counted, medianP95Ms, medianThroughput, toLevels, toThroughputs } from "../sweep/levels.ts";
import { limitedBy } from "../sweep/limited-by.ts";
import { threadsOf } from "../shape.ts";
import type { SweepRules } from "../sweep/next-step.ts";
import { sweep, type SweepResult } from "../sweep/sweep.ts";
import type { Level, Sample, ShapeResult } from "../types.ts";
import { isRefused, untilListening } from "./remote.ts";
import { type Subject, whileAlive } from "./subject.ts";

export interface Bench {
  readonly generator: Generator;
  readonly subject: Subject;
  readonly scenario: Scenario;
  /** What the setup requests have given; absent: they are sent before each run. */
  readonly captured?: Captured;
  readonly signal?: AbortSignal;
}

export interface RunLength {
  readonly warmUpMs: number;
  readonly measureMs: number;
  readonly repetition?: number;
}

/** One window. @throws HeddleError TUNE_NOT_SERVED: the server ended meanwhile; the signal's reason */
export function runLoad(bench: Bench, loop: Loop, { warmUpMs, measureMs, repetition = 0 }: RunLength): Promise<Sample> {
  const { generator, subject, scenario, captured } = bench;
  const { booted, target } = subject;
  const plan = {
    target,
    scenario,
    loop,
    warmUpSeconds: warmUpMs / 1000,
    seconds: measureMs / 1000,
    repetition,
    ...(captured === undefined ? {} : { captured }),
    ...(booted === undefined ? {} : { serverCpuSeconds: () => booted.cpuSeconds() }),
  };
  return whileAlive(subject, bench.signal, (signal) => generator.run(plan, signal));
}

/** One that is to count. @throws HeddleError TUNE_NOT_SERVED also for a server that runs elsewhere and has ended */
async function runWindow(bench: Bench, loop: Loop, length: RunLength): Promise<Sample> {
  const { subject, signal } = bench;
  const sample = await runLoad(bench, loop, length);
  if (subject.booted === undefined && isRefused(sample)) await untilListening(subject.target, signal);
  return sample;
}

/**
 * The bench after its setup requests, which are sent now and no more. Many apps allow few logins in a minute, and what a login computes
 * would count to what is measured between two looks at the server.
 *
 * @throws HeddleError TUNE_SETUP_FAILED
 */
export async function afterSetup(bench: Bench): Promise<Bench> {
  const { scenario, subject, signal } = bench;
  const captured = await whileAlive(subject, signal, (ending) =>
    sendSetup(scenario.setup, subject.target, DEFAULT_TIMEOUT_MS, ending),
  );
  return { ...bench, captured };
}

/** A login may have expired, or its worker has ended. If no other is given, the errors that follow tell more than this one. */
async function afterSetupAgain(bench: Bench): Promise<Bench> {
  try {
    return await afterSetup(bench);
  } catch (error) {
    if (error instanceof HeddleError && error.code === "TUNE_SETUP_FAILED") return bench;
    throw error;
  }
}

export interface SweepPlan {
  readonly warmUpMs: number;
  readonly sweepMs: number;
  readonly rules: Partial<SweepRules>;
  /** What the routes' profile says of the knee. */
  readonly anchor?: LowLoadAnchor | undefined;
}

export interface MeasuredShape {
  readonly result: Omit<ShapeResult, "openLoop">;
  readonly sweep: SweepResult;
}

/** `onSample`: after each window, with all levels so far. */
export async function measureShape(
  bench: Bench,
  { warmUpMs, sweepMs, rules, anchor }: SweepPlan,
  onSample: (sample: Sample, levels: readonly Level[]) => void,
): Promise<MeasuredShape> {
  const { subject, signal } = bench;
  let ready = await afterSetup(bench);
  // Every thread has code of its own to compile.
  await runLoad(ready, { concurrency: Math.max(8, 4 * threadsOf(subject.shape)) }, { warmUpMs, measureMs: 100 });
  const samples: Sample[] = [];
  const done = await sweep({
    measure: async (window) => {
      if (samples.at(-1)?.leftOut === "errors") ready = await afterSetupAgain(ready);
      return await runWindow(ready, { concurrency: window.concurrency }, window);
    },
    budgetMs: sweepMs,
    rules,
    onSample: (sample) => {
      samples.push(sample);
      onSample(sample, toLevels(samples));
    },
    ...(signal === undefined ? {} : { signal }),
  });
  return { result: estimates(done, subject, { sloP95Ms: rules.sloP95Ms, anchor }), sweep: done };
}

function estimates(
  done: SweepResult,
  { shape, cores, isCoLocated }: Subject,
  { sloP95Ms, anchor }: { readonly sloP95Ms: number | undefined; readonly anchor: LowLoadAnchor | undefined },
): Omit<ShapeResult, "openLoop"> {
  const { levels } = done;
  const throughputs = toThroughputs(levels);
  const knee = estimateKnee(throughputs, anchor === undefined ? {} : { anchor });
  const p95 = "value" in knee ? p95At(levels, knee.value) : undefined;
  const usl = fitUsl(throughputs);
  const marker = kneedleOf(levels);
  return {
    shape,
    levels,
    knee,
    throughputMax: throughputMax(throughputs),
    ...(p95 === undefined ? {} : { p95AtKneeMs: p95 }),
    ...(sloP95Ms === undefined ? {} : { slo: sloCeiling(levels, sloP95Ms) }),
    ...(usl === undefined ? {} : { usl }),
    ...(marker === undefined ? {} : { kneedle: marker }),
    limitedBy: limitedBy(done, {
      sharedCores: isCoLocated ? cores : undefined,
      isRising: "notReached" in knee,
      hasKnee: "value" in knee,
    }),
  };
}

/** p95 at a concurrency between the levels: by isotonic regression, and between two levels along the line of their logarithms. */
export function p95At(levels: readonly Level[], concurrency: number): number | undefined {
  const usable = levels.filter((level) => counted(level).length > 0);
  const smooth = isotonic(usable.map((level) => medianP95Ms(level)!));
  const above = usable.findIndex((level) => level.concurrency >= concurrency);
  if (above === -1) return undefined;
  const [high, highMs] = [usable[above]!.concurrency, smooth[above]!];
  const low = usable[above - 1]?.concurrency;
  const lowMs = smooth[above - 1];
  if (low === undefined || lowMs === undefined || lowMs <= 0) return highMs;
  return lowMs * (highMs / lowMs) ** (Math.log(concurrency / low) / Math.log(high / low));
}

function kneedleOf(levels: readonly Level[]): number | undefined {
  const usable = levels.filter((level) => counted(level).length > 0);
  return kneedle(usable.map((level) => [level.concurrency, medianThroughput(level)!]));
}

/** Of X_max: below the knee's throughput, where a server is meant to run. */
export const CONFIRMED_SHARES: readonly number[] = [0.7, 0.8, 0.9];

/** At a stable rate about as many are in flight as at the knee; far more are only seen where the server can't follow. */
const CONNECTIONS_PER_KNEE = 20;
const LEAST_CONNECTIONS = 64;

/** Arrivals at a constant rate, whatever the server does: what users do, and a closed loop can't show. */
export async function confirm(
  bench: Bench,
  { knee, throughput }: { readonly knee: number; readonly throughput: number },
  confirmMs: number,
): Promise<Sample[]> {
  const maxConnections = Math.max(LEAST_CONNECTIONS, Math.round(CONNECTIONS_PER_KNEE * knee));
  const ready = await afterSetup(bench);
  const samples: Sample[] = [];
  for (const [repetition, share] of CONFIRMED_SHARES.entries()) {
    const length = { warmUpMs: Math.min(500, confirmMs / 3), measureMs: confirmMs, repetition };
    samples.push(await runWindow(ready, { rate: throughput * share, maxConnections }, length));
  }
  return samples;
}
