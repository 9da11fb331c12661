/**
 * A scenario: contenders that do the same work, the metrics of each, and the targets.
 *
 * In every round every contender is started, warmed up, measured once and stopped. So nothing else runs beside the measured
 * one, and each round has one independent sample of each. In a `standing` scenario, all are started once and take turns in
 * short bursts (standing.ts).
 */
import type { BenchApp, Peer, RunningPeer, StartOptions } from "../peers/peer.ts";
import type { Target } from "./ratios.ts";

export interface Pace {
  /** Length of one measurement. */
  readonly seconds: number;
  /** Load that is sent before it and not counted. */
  readonly warmUpSeconds: number;
  readonly rounds: number;
  /** A short run that shows that everything works. Its numbers mean little. */
  readonly quick: boolean;
}

export interface Contender {
  readonly name: string;
  readonly peer: Peer;
  readonly app: BenchApp;
  readonly options: StartOptions;
}

export interface Metric {
  /** Its key in a sample. */
  readonly key: string;
  readonly label: string;
  readonly unit: string;
  readonly digits: number;
  /** Above this the measurement is doubtful, and the report says why. */
  readonly doubtful?: { readonly above: number; readonly because: string };
}

export interface Sample {
  readonly metrics: Readonly<Record<string, number>>;
  /** Kept in the JSON, not shown in the table. */
  readonly detail?: unknown;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** What is done and how it is measured, in a few sentences of Markdown. */
  readonly about: string;
  readonly contenders: readonly Contender[];
  /** All contenders stay up, with many short rounds: for ratios of speeds, which noise would hide otherwise. */
  readonly standing?: boolean;
  /** For counts and sizes, which vary less between rounds than speeds do, and take longer to measure. */
  readonly atMostRounds?: number;
  readonly metrics: readonly Metric[];
  readonly targets: readonly Target[];
  /** Peers that take no part, and why. */
  readonly leftOut?: Readonly<Record<string, string>>;
  measure(running: RunningPeer, contender: Contender, pace: Pace): Promise<Sample>;
}
