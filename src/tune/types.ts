/**
 * The numbers that pass between the parts of `heddle tune`: the load generator makes samples, the sweep groups them into levels, the
 * estimators read levels, and the report shows all of it. Times are in milliseconds unless the name has another unit; a throughput is
 * in answers per second.
 */

/** Latencies of one sample, in ms, counted from the intended send time in an open loop, and from the send in a closed loop. */
export interface Latencies {
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Why a sample was left out of every estimate. It is shown all the same. */
export type LeftOut =
  /** The generator used more than 90 % of its loop, or sent late. */
  | "generator"
  /** The hypervisor took CPU time away. */
  | "steal"
  /** Fewer than 98 % of the asked rate were sent (open loop). */
  | "rate"
  /** N = X · R does not hold within 5 %: no steady state. */
  | "littles-law"
  /** More than 1 % of the answers were errors or of a status that was not expected. */
  | "errors";

/** One measured window. */
export interface Sample {
  /** Closed loop: how many requests were kept in flight. Open loop: the mean that were in flight. */
  readonly concurrency: number;
  /** From 0. */
  readonly repetition: number;
  /** Open loop: the asked arrivals per second. */
  readonly askedRate?: number;
  readonly seconds: number;
  /** Good answers. */
  readonly answers: number;
  /** Good answers per second. */
  readonly throughput: number;
  readonly latency: Latencies;
  /** Log-spaced: upper bound in ms, and how many good answers were at most that slow and slower than the bound before. */
  readonly histogram: readonly (readonly [upToMs: number, answers: number])[];
  readonly errors: number;
  /** By cause: a status ("503"), or what the connection did ("reset", "refused", "timeout"). */
  readonly errorsByCause: Readonly<Record<string, number>>;
  /** CPU seconds that the server's whole process tree used; absent if the server is not on this machine. */
  readonly serverCpuSeconds?: number;
  /** The share of its time in which the generator's loop was busy, 0 to 1. */
  readonly generatorUtilization: number;
  /** The share of the machine's CPU time that the hypervisor took, 0 to 1. */
  readonly stealShare: number;
  readonly leftOut?: LeftOut;
}

/** All samples of one concurrency. */
export interface Level {
  readonly concurrency: number;
  readonly samples: readonly Sample[];
}

/** What `estimateKnee` reads: a concurrency, and the throughput of each repetition that counts. */
export interface LevelThroughputs {
  readonly concurrency: number;
  /** Answers per second, one for each repetition. */
  readonly throughputs: readonly number[];
}

export type KneeEstimate =
  /** `low` and `high` bound the 95 % interval. */
  | { readonly value: number; readonly low: number; readonly high: number }
  /** Throughput still rose at the last level, whose concurrency is `seenUpTo`. */
  | { readonly notReached: true; readonly seenUpTo: number }
  | { readonly inconclusive: string };

export interface SloCeiling {
  /** The largest concurrency whose p95 meets the SLO with confidence. 0: none does. */
  readonly concurrency: number;
  /**
   * Beyond it p95 rises (`slope`), or the server collapses: errors, or throughput falls by half (`cliff`). `unseen`: no level was beyond
   * it; the ceiling is at least `concurrency`.
   */
  readonly boundary: "slope" | "cliff" | "unseen";
}

/** One route under one client at a time. */
export interface RouteProfile {
  readonly route: string;
  /** CPU time of the server for one request. */
  readonly cpuMs: number;
  /** Of a request's time, what is not CPU: R at one client less `cpuMs`. */
  readonly waitMs: number;
  /** The longest time in which its event loop did not turn, as the server saw it; 0 if it never was blocked for 10 ms. */
  readonly longestBlockMs: number;
  /** Of a request's time, how long its event loop was busy or blocked. What a blocking call waits is in it and not in `cpuMs`. */
  readonly loopMs?: number;
  /** How often the route is asked for, relative to the other routes. Default 1. */
  readonly weight?: number;
  /** The route as a key of the config file's `routes`: `POST /report`. Absent: its path has values that are known only when it is sent. */
  readonly key?: string;
}

/** A way to run the app. */
export interface Shape {
  readonly model: string;
  readonly workers: number;
  /** Event loops in each worker; for `threads` and `thread-per-request` the handler threads of each worker. */
  readonly threads: number;
  /** Routes with a model of their own, by the keys of the config file's `routes`. Absent: none. */
  readonly routes?: Readonly<Record<string, ShapeRoute>>;
}

export interface ShapeRoute {
  readonly model: string;
  /** In each worker; routes of one model with as many threads share them. */
  readonly threads: number;
}

export interface Recommendation extends Shape {
  /** Two sentences that a newcomer understands. */
  readonly why: string;
  /** What the classic rules say, beside the measured answer. */
  readonly classic: {
    readonly cores: number;
    readonly twiceCores: number;
    /** cores · (1 + W / D) */
    readonly waitToCompute: number;
    /** 2 · cores + 1 */
    readonly gunicorn: number;
    /** 5 */
    readonly puma: number;
  };
}

/** What limited a measurement. */
export type LimitedBy = "server" | "generator" | "cpu" | "errors" | "nothing";

/** The measurements of one shape, and what was read from them. */
export interface ShapeResult {
  readonly shape: Shape;
  readonly levels: readonly Level[];
  readonly knee: KneeEstimate;
  /** The roof of throughput, in answers per second: the level part of the fitted hinge. */
  readonly throughputMax: number;
  readonly p95AtKneeMs?: number;
  readonly slo?: SloCeiling;
  readonly usl?: UslFit;
  /** Marker of the chart only. */
  readonly kneedle?: number;
  readonly limitedBy: LimitedBy;
  /** At 0.7, 0.8 and 0.9 of `throughputMax`. */
  readonly openLoop: readonly Sample[];
}

/** X(N) = γN / (1 + α(N − 1) + βN(N − 1)) */
export interface UslFit {
  readonly alpha: number;
  readonly beta: number;
  readonly gamma: number;
  /** √((1 − α) / β); absent where β is 0: throughput never falls. */
  readonly peakConcurrency?: number;
  readonly peakThroughput?: number;
  /** γ / α; absent where α is 0. */
  readonly roof?: number;
}

/** What the generator can do on this machine, measured against a server that does nothing. */
export interface GeneratorAudit {
  /** Answers per second of its one thread. */
  readonly ceiling: number;
  /** Whether the generator has a core that the server may not use. */
  readonly coLocated: boolean;
}

/** `result.json`, and what `heddle tune --json` prints. The fields of the best shape stand at the top. */
export interface TuneResult {
  readonly version: 1;
  readonly knee: KneeEstimate;
  readonly throughputMax: number;
  readonly p95AtKneeMs?: number;
  readonly slo?: SloCeiling & { readonly targetMs: number };
  readonly perRoute: readonly RouteProfile[];
  /** Absent with `--url`: heddle doesn't know how that server runs. Its shape is then `{ model: "unknown", workers: 0, threads: 0 }`. */
  readonly recommendation?: Recommendation;
  /** Levels of the recommended shape. */
  readonly levels: readonly Level[];
  /** Every shape that was measured, the recommended one first. */
  readonly shapes: readonly ShapeResult[];
  readonly audit: GeneratorAudit;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryBytes: number;
    readonly node: string;
    readonly kernel: string;
  };
  readonly scenario: {
    readonly target: string;
    readonly requests: readonly { readonly method: string; readonly path: string; readonly weight: number }[];
  };
  readonly startedAt: string;
  readonly seconds: number;
  /** Sentences about what could not be measured, and why. */
  readonly notes: readonly string[];
}
