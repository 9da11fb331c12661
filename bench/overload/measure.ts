/**
 * One server through an overload, in open loops: the knee first (a closed loop), then twice and five times what it can answer, each
 * followed by a load that it can, and an abrupt change of the handler's cost, both ways. Latencies count from the intended send time.
 */
import { pacedLoad, streamOf, type StreamReport } from "../paced/paced.ts";
import { KNOWN } from "../apps/known-knee.ts";

export interface Kind {
  readonly name: string;
  readonly path: string;
  /** Requests in flight at the knee, and at that of three times the cost. */
  readonly knee: number;
  readonly dearKnee: number;
}

export const kinds: readonly Kind[] = [
  {
    name: "waits",
    path: "/",
    knee: KNOWN.permits * (1 + KNOWN.waitMs / KNOWN.holdMs),
    dearKnee: Math.round(KNOWN.permits * (1 + KNOWN.waitMs / (3 * KNOWN.holdMs))),
  },
  { name: "computes", path: "/cpu", knee: 1, dearKnee: 1 },
];

export interface Overloaded {
  readonly goodput: number;
  readonly p95Ms: number;
  readonly shed: number;
  readonly failed: number;
  /** From 5 to 10 seconds after it, under 0.7 of what the server can answer. */
  readonly after: { readonly answeredShare: number; readonly p95Ms: number };
}

export interface Measured {
  readonly throughputMax: number;
  readonly p95AtKneeMs: number;
  /** By how many times the arrivals. */
  readonly overloads: Readonly<Record<string, Overloaded>>;
  /** From 10 to 20 seconds after the change, under 1.5 times what the server could answer before. */
  readonly dear: {
    readonly throughputMax: number;
    readonly p95AtKneeMs: number;
    readonly goodput: number;
    readonly p95Ms: number;
  };
  readonly cheap: { readonly goodput: number; readonly p95Ms: number };
  readonly generatorUtilization: number;
}

/** A client that gets no answer for so long gives up. It bounds the connections of a server that sheds nothing. */
const PATIENCE_MS = 5000;
const CALM = 0.7;

export async function measure(url: string, { path, knee, dearKnee }: Kind, seconds: number): Promise<Measured> {
  let busiest = 0;
  const load = async (
    stream: { readonly clients: number } | { readonly perSecond: number },
    forSeconds: number,
    settleMs: number = 0,
  ): Promise<StreamReport> => {
    const streams = [{ name: "load", path, ...stream }];
    const report = await pacedLoad({ url, streams, seconds: forSeconds, settleMs, timeoutMs: PATIENCE_MS });
    busiest = Math.max(busiest, report.generatorUtilization);
    return streamOf(report, "load");
  };
  const atKnee = async (clients: number): Promise<{ throughputMax: number; p95AtKneeMs: number }> => {
    const { p95Ms } = await load({ clients }, 8, 2000);
    const { perSecond } = await load({ clients: 2 * clients }, 8, 2000);
    return { throughputMax: perSecond, p95AtKneeMs: p95Ms };
  };
  const { throughputMax, p95AtKneeMs } = await atKnee(knee);
  const overloads: Record<string, Overloaded> = {};
  for (const times of [2, 5]) {
    const { perSecond, p95Ms, shed, failed } = await load({ perSecond: times * throughputMax }, seconds);
    const after = await load({ perSecond: CALM * throughputMax }, 5, 5000);
    overloads[times] = {
      goodput: perSecond,
      p95Ms,
      shed,
      failed,
      after: { answeredShare: after.perSecond / (CALM * throughputMax), p95Ms: after.p95Ms },
    };
  }
  await fetch(`${url}/cost?x=3`);
  const dearAtKnee = await atKnee(dearKnee);
  await fetch(`${url}/cost?x=1`);
  const perSecond = 1.5 * throughputMax;
  await load({ perSecond }, 10);
  // One load goes on while the cost changes, so that nothing else does.
  const changed = load({ perSecond }, 10, 10_000);
  await fetch(`${url}/cost?x=3`);
  const dear = await changed;
  const changedBack = load({ perSecond }, 10, 10_000);
  await fetch(`${url}/cost?x=1`);
  const cheap = await changedBack;
  return {
    throughputMax,
    p95AtKneeMs,
    overloads,
    dear: { ...dearAtKnee, goodput: dear.perSecond, p95Ms: dear.p95Ms },
    cheap: { goodput: cheap.perSecond, p95Ms: cheap.p95Ms },
    generatorUtilization: busiest,
  };
}
