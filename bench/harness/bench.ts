/** Runs a benchmark from its command line to its result files. bench/serve.ts and its siblings only name their scenarios. */
import type { Availability, Peer } from "../peers/peer.ts";
import { runCleanly } from "./cleanup.ts";
import { describeMachine } from "./machine.ts";
import { parseOptions } from "./options.ts";
import { seededRandom } from "./ratios.ts";
import { describeTarget, writeReport } from "./report.ts";
import { runScenario, type ScenarioResult } from "./rounds.ts";
import type { Scenario } from "./scenario.ts";
import { installWrk } from "./wrk.ts";

const RESULTS_FOLDER = new URL("../results/", import.meta.url).pathname;

const say = (line: string): void => console.log(line);

export async function bench(name: string, title: string, all: readonly Scenario[]): Promise<void> {
  await runCleanly(async () => {
    const options = parseOptions(all, process.argv.slice(2));
    if (options === undefined) return;
    const { pace, seed, only } = options;
    const scenarios = options.scenarios.map((scenario) => ({
      ...scenario,
      contenders: scenario.contenders.filter(
        (each) => only.length === 0 || only.some((text) => each.name.includes(text)),
      ),
    }));
    const machine = describeMachine();
    say(`${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, load average ${machine.loadAverageAtStart}`);
    await installWrk();
    const availability = await installPeers(scenarios);
    const random = seededRandom(seed);
    const results: ScenarioResult[] = [];
    for (const scenario of scenarios) {
      say(`\n${scenario.title}`);
      const result = await runScenario(scenario, pace, availability, random, say);
      results.push(result);
      sayVerdicts(result);
    }
    const partial = only.length > 0 || scenarios.length < all.length || pace.quick;
    // A partial or quick run must not overwrite the committed results of a whole one.
    const files = await writeReport(RESULTS_FOLDER, {
      name: partial ? `${name}.partial` : name,
      title,
      command: ["npm run", `bench:${name}`, ...(process.argv.length > 2 ? ["--", ...process.argv.slice(2)] : [])].join(
        " ",
      ),
      machine,
      pace,
      seed,
      scenarios: results,
    });
    say(`\n${files.join("\n")}`);
  });
}

async function installPeers(scenarios: readonly Scenario[]): Promise<Map<Peer, Availability>> {
  const peers = new Set(scenarios.flatMap((scenario) => scenario.contenders.map((contender) => contender.peer)));
  const availability = new Map<Peer, Availability>();
  for (const peer of peers) {
    const found = await peer.install();
    availability.set(peer, found);
    say(
      found.available ? `${peer.name} ${found.version}` : `${peer.name} is missing: ${found.reason.split("\n", 1)[0]}`,
    );
  }
  return availability;
}

function sayVerdicts({ scenario, judged }: ScenarioResult): void {
  for (const { target, measured, verdict } of judged) {
    const numbers =
      measured === undefined
        ? ""
        : ` ${measured.median.toFixed(3)} (${measured.min.toFixed(3)}–${measured.max.toFixed(3)})`;
    say(`  ${verdict.padEnd(12)} ${describeTarget(target, scenario.metrics)}:${numbers}`);
  }
}
