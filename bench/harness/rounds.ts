/** Runs a scenario: rounds over all contenders, in a new order each round. */
import type { Availability, Peer } from "../peers/peer.ts";
import { type Disturbance, disturbance, readCpu } from "./disturbance.ts";
import { reasonOf } from "./processes.ts";
import { type Judged, judge, shuffled } from "./ratios.ts";
import type { Contender, Pace, Sample, Scenario } from "./scenario.ts";
import { runStanding } from "./standing.ts";

export type Outcome = (
  | (Sample & { readonly disturbance: Disturbance; readonly error?: undefined })
  | { readonly error: string; readonly metrics?: undefined; readonly disturbance?: undefined }
) & {
  /** Measurements discarded before this one because too much CPU was used elsewhere. */
  readonly discarded?: number;
};

export interface ContenderResult {
  readonly name: string;
  readonly peer: string;
  readonly version?: string;
  /** Why it could not take part. */
  readonly missing?: string;
  /** One per round; empty when missing. */
  readonly rounds: Outcome[];
}

export interface ScenarioResult {
  readonly scenario: Scenario;
  readonly contenders: readonly ContenderResult[];
  readonly judged: readonly Judged[];
}

export async function runScenario(
  scenario: Scenario,
  pace: Pace,
  availability: ReadonlyMap<Peer, Availability>,
  random: () => number,
  say: (line: string) => void,
): Promise<ScenarioResult> {
  const results = new Map<Contender, ContenderResult>();
  for (const contender of scenario.contenders) {
    const found = availability.get(contender.peer) ?? { available: false, reason: "not installed" };
    const head = { name: contender.name, peer: contender.peer.name, rounds: [] };
    results.set(contender, found.available ? { ...head, version: found.version } : { ...head, missing: found.reason });
  }
  const present = scenario.contenders.filter((each) => results.get(each)?.missing === undefined);
  const record = (round: string, contender: Contender, outcome: Outcome): void => {
    results.get(contender)?.rounds.push(outcome);
    say(`  ${scenario.name} ${round}  ${contender.name.padEnd(28)} ${summary(scenario, outcome)}`);
  };
  if (scenario.standing === true) await runStanding(scenario, present, pace, random, record);
  else await runFresh(scenario, present, pace, random, record);
  const contenders = [...results.values()];
  return { scenario, contenders, judged: scenario.targets.map((target) => judgeIn(contenders, target)) };
}

type Recorder = (round: string, contender: Contender, outcome: Outcome) => void;

async function runFresh(
  scenario: Scenario,
  present: readonly Contender[],
  pace: Pace,
  random: () => number,
  record: Recorder,
): Promise<void> {
  const rounds = Math.min(pace.rounds, scenario.atMostRounds ?? pace.rounds);
  for (let round = 1; round <= rounds; round++) {
    for (const contender of shuffled(present, random)) {
      record(`${round}/${rounds}`, contender, await takeTurn(scenario, contender, pace));
    }
  }
}

/** If more than this share of CPU is used elsewhere, a measurement is discarded and repeated. */
const TOO_DISTURBED_PERCENT = 10;
const TRIES = 3;

/**
 * One contender's turn in a round. Only the disturbance decides whether a sample is kept, never its number. If every try was
 * disturbed, the least disturbed one is kept.
 */
async function takeTurn(scenario: Scenario, contender: Contender, pace: Pace): Promise<Outcome> {
  let best: Outcome | undefined;
  for (let tries = 1; ; tries++) {
    const outcome = await measureOnce(scenario, contender, pace);
    if (best === undefined || disturbedPercent(outcome) < disturbedPercent(best)) best = outcome;
    const quiet = disturbedPercent(best) <= TOO_DISTURBED_PERCENT;
    if (quiet || pace.quick || tries === TRIES) return { ...best, discarded: tries - 1 };
  }
}

/** A failure is a result too: it is not retried until it disappears. */
function disturbedPercent({ disturbance }: Outcome): number {
  return disturbance === undefined ? 0 : disturbance.stealPercent + disturbance.othersPercent;
}

async function measureOnce(scenario: Scenario, contender: Contender, pace: Pace): Promise<Outcome> {
  try {
    const running = await contender.peer.start(contender.app, contender.options);
    try {
      const before = readCpu(running.pids());
      const sample = await scenario.measure(running, contender, pace);
      return { ...sample, disturbance: disturbance(before, readCpu(running.pids())) };
    } finally {
      await running.stop();
    }
  } catch (error) {
    return { error: reasonOf(error) };
  }
}

/** A metric's value in each round, undefined where it was not measured. */
export function valuesOf(contenders: readonly ContenderResult[], name: string, metric: string): (number | undefined)[] {
  return contenders.find((each) => each.name === name)?.rounds.map((round) => round.metrics?.[metric]) ?? [];
}

function judgeIn(contenders: readonly ContenderResult[], target: Scenario["targets"][number]): Judged {
  const reference = target.against === undefined ? undefined : valuesOf(contenders, target.against, target.metric);
  return judge(target, valuesOf(contenders, target.contender, target.metric), reference);
}

function summary(scenario: Scenario, outcome: Outcome): string {
  if (outcome.metrics === undefined) return `failed: ${outcome.error.split("\n", 1)[0]}`;
  const { metrics } = outcome;
  return scenario.metrics
    .filter(({ key }) => metrics[key] !== undefined)
    .map(({ key, label, unit, digits }) => `${label} ${metrics[key]?.toFixed(digits)}${unit === "" ? "" : ` ${unit}`}`)
    .join(", ");
}
