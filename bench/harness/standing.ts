/**
 * Rounds over servers that all stay up: start all, warm all up, then many one-second bursts, in a new order each round.
 *
 * For ratios of throughput. On a shared machine, the speed of everything drifts by tens of percent within half a minute. Two
 * bursts a second or two apart see nearly the same machine; two fresh servers half a minute apart do not. The waiting servers
 * are idle: the cost of their timers is within the disturbance that is reported.
 */
import { readCpu, disturbance } from "./disturbance.ts";
import { reasonOf } from "./processes.ts";
import { shuffled } from "./ratios.ts";
import type { Contender, Pace, Scenario } from "./scenario.ts";
import type { RunningPeer } from "../peers/peer.ts";
import type { Outcome } from "./rounds.ts";

const BURST_SECONDS = 1;

export async function runStanding(
  scenario: Scenario,
  present: readonly Contender[],
  pace: Pace,
  random: () => number,
  record: (round: string, contender: Contender, outcome: Outcome) => void,
): Promise<void> {
  const running = new Map<Contender, RunningPeer>();
  const bursts = pace.rounds * pace.seconds;
  try {
    for (const contender of present) {
      try {
        running.set(contender, await startWarm(scenario, contender, pace));
      } catch (error) {
        record("start", contender, { error: reasonOf(error) });
      }
    }
    for (let burst = 1; burst <= bursts; burst++) {
      for (const [contender, peer] of shuffled([...running], random)) {
        record(`${burst}/${bursts}`, contender, await measureBurst(scenario, contender, peer, pace));
      }
    }
  } finally {
    for (const peer of running.values()) await peer.stop();
  }
}

async function startWarm(scenario: Scenario, contender: Contender, pace: Pace): Promise<RunningPeer> {
  const peer = await contender.peer.start(contender.app, contender.options);
  try {
    await scenario.measure(peer, contender, { ...pace, seconds: pace.warmUpSeconds, warmUpSeconds: 0 });
    return peer;
  } catch (error) {
    await peer.stop();
    throw error;
  }
}

async function measureBurst(scenario: Scenario, contender: Contender, peer: RunningPeer, pace: Pace): Promise<Outcome> {
  try {
    const before = readCpu(peer.pids());
    const sample = await scenario.measure(peer, contender, { ...pace, seconds: BURST_SECONDS, warmUpSeconds: 0 });
    return { ...sample, disturbance: disturbance(before, readCpu(peer.pids())) };
  } catch (error) {
    return { error: reasonOf(error) };
  }
}
