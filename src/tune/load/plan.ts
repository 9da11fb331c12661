/** What the generator is asked to do, and what it tells its caller: the messages between generator.ts and generator-main.ts. */
import type { WireError } from "../../errors/errors.ts";
import type { Scenario } from "../scenario/types.ts";
import type { Sample } from "../types.ts";
import type { Target } from "./http/connection.ts";
import type { Captured } from "./http/ready-request.ts";

/** Closed: so many requests are always in flight. Open: requests arrive at a constant rate, whatever became of the earlier ones. */
export type Loop =
  | { readonly concurrency: number }
  /** Arrivals per second; at most so many connections (default 10,000), later ones wait for one. */
  | { readonly rate: number; readonly maxConnections?: number };

export interface Plan {
  readonly target: Target;
  readonly scenario: Scenario;
  readonly loop: Loop;
  /** What the setup requests have given, by name: they are not sent again then. */
  readonly captured?: Captured;
  /** Default: keep-alive. */
  readonly connections?: "keep-alive" | "per-request";
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** From 0; only written into the sample. */
  readonly repetition?: number;
  /** How long an answer may take. Default 10,000. */
  readonly timeoutMs?: number;
}

export const DEFAULT_TIMEOUT_MS = 10_000;

/** A sample without what only the caller can measure. */
export type Measured = Omit<Sample, "serverCpuSeconds">;

export type ToGenerator =
  /** `maySpin`: it has a core of its own. */
  { readonly type: "run"; readonly plan: Plan; readonly maySpin: boolean } | { readonly type: "stop" };

export type FromGenerator =
  | { readonly type: "ready" }
  /** The measured window begins or ends now. */
  | { readonly type: "window"; readonly edge: "begin" | "end" }
  | { readonly type: "done"; readonly measured: Measured }
  | { readonly type: "failed"; readonly error: WireError };
