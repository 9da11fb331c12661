import type { Contender, Metric, Scenario } from "../../harness/scenario.ts";
import { benchApp, type Peer } from "../../peers/peer.ts";
import type { RunningProgram } from "../../peers/program.ts";

export const PER_SECOND: Metric = { key: "perSecond", label: "operations", unit: "/s", digits: 0 };

/** Programs have no app; the harness wants to name one. */
const app = benchApp("runtime/tasks");

export function contender(name: string, peer: Peer): Contender {
  return { name, peer, app, options: { loops: 1 } };
}

/** Takes the numbers that the programs said. */
export const measure: Scenario["measure"] = async (running) => ({
  metrics: await (running as RunningProgram).result(),
});
