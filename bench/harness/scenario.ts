/**
 * A scenario: contenders that do the same work, what is measured of each, and what is aimed at.
 *
 * Every contender is started anew in every round, warmed up, measured once and stopped, so that nothing else runs beside the
 * one being measured and each round holds one independent sample of each; or, in a `standing` scenario, all are started
 * once and take turns in short bursts (standing.ts).
 */
import type { BenchApp, Peer, RunningPeer, StartOptions } from "../peers/peer.ts";
import type { Target } from "./ratios.ts";

export interface Pace {
  /** Length of one measurement. */
  readonly seconds: number;
  /** Load that is sent before it and thrown away. */
  readonly warmUpSeconds: number;
  readonly rounds: number;
  /** A short run that shows that everything works and whose numbers say little. */
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
  /** What is done and how it is counted, in a few sentences of Markdown. */
  readonly about: string;
  readonly contenders: readonly Contender[];
  /** All contenders stay up, and rounds are many and short: for ratios of speeds, which noise hides otherwise. */
  readonly standing?: boolean;
  /** For counts and sizes, which differ less between rounds than speeds do and take longer to measure. */
  readonly atMostRounds?: number;
  readonly metrics: readonly Metric[];
  readonly targets: readonly Target[];
  /** Peers that take no part, and why. */
  readonly leftOut?: Readonly<Record<string, string>>;
  measure(running: RunningPeer, contender: Contender, pace: Pace): Promise<Sample>;
}
