/** What `tune` is asked for, what it tells meanwhile, and what it answers. */

import type { AppToServe } from "../probe/boot-shape.ts";
import type { Scenario } from "../scenario/scenario.ts";
import type { Level, Sample, Shape, TuneResult } from "../types.ts";

export interface TuneRequest {
  /** An app, and the shape that its settings give; or the address of a server that runs elsewhere. */
  readonly subject:
    | {
        readonly app: AppToServe;
        readonly configured: Shape;
        /** Keys of the config file's `routes`. */
        readonly routes?: readonly string[];
      }
    | { readonly url: string };
  /** What is measured, as the user named it. */
  readonly name: string;
  readonly scenario: Scenario;
  readonly budgetMs: number;
  readonly sloP95Ms?: number;
  /** The user has fixed the configured shape: only its knee is sought. */
  readonly isFixed: boolean;
  /** Shapes to compare, in place of those that heddle would choose. */
  readonly shapes: readonly Shape[];
  /** Models to compare, likewise. */
  readonly models: readonly string[];
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TuneProgress) => void;
}

export interface TuneProgress {
  readonly stage: string;
  /** The window that was measured last, and all levels of its shape so far. */
  readonly sample?: Sample;
  readonly levels?: readonly Level[];
  readonly leftMs: number;
  /** Of the budget, 0 to 1. */
  readonly done: number;
}

export interface TuneOutcome {
  readonly result: TuneResult;
  /** Why it ended before its time: the result is what was measured until then. */
  readonly failure?: unknown;
}
