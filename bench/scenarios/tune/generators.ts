/** What the scenarios of load generators share: the generators as contenders, and the servers that they are sent against. */
import { join } from "node:path";
import { autocannon } from "../../generators/autocannon.ts";
import { cores, type LoadGenerator, pinned } from "../../generators/generator.ts";
import { heddleGenerator } from "../../generators/heddle.ts";
import { hey } from "../../generators/hey.ts";
import { k6 } from "../../generators/k6.ts";
import { oha } from "../../generators/oha.ts";
import { wrkGenerator } from "../../generators/wrk.ts";
import { processTree } from "../../harness/proc.ts";
import { start } from "../../harness/processes.ts";
import type { Contender } from "../../harness/scenario.ts";
import { buildGo } from "../../peers/go-build.ts";
import { benchApp, LISTENING, PEERS_FOLDER } from "../../peers/peer.ts";

export const GENERATORS: readonly LoadGenerator[] = [heddleGenerator, wrkGenerator, autocannon, hey, oha, k6];

/** The generators as contenders. Each round starts the server anew: a Go program of bench/apps/tune, on a core of its own. */
export function contendersAgainst(
  generators: readonly LoadGenerator[],
  server: string,
  args: readonly string[] = [],
): Contender[] {
  const binary = join(PEERS_FOLDER, `go/tune-${server}`);
  const source = new URL(`../../apps/tune/${server}/main.go`, import.meta.url);
  return generators.map((generator) => ({
    name: generator.name,
    app: benchApp("tune"),
    options: { loops: 1 },
    peer: {
      name: generator.name,
      async install() {
        const built = await buildGo([source], binary);
        return built.available ? generator.install() : built;
      },
      async start() {
        const running = start(...pinned(cores()?.server, [binary, ...args]), { env: { GOMAXPROCS: "1" } });
        const [, url = ""] = await running.waitForOutput(LISTENING).catch(async (error: unknown) => {
          await running.stop();
          throw error;
        });
        const pids = (): number[] => processTree([running.pid]);
        return { url, pids, workerPids: pids, stop: () => running.stop(500) };
      },
    },
  }));
}

export function generatorOf({ name }: Contender): LoadGenerator {
  const found = GENERATORS.find((each) => each.name === name);
  if (found === undefined) throw new Error(`there is no load generator ${name}`);
  return found;
}

/** Why generators take no part in scenarios that are driven by a rate. */
export const WITHOUT_RATE: Readonly<Record<string, string>> = Object.fromEntries(
  GENERATORS.flatMap(({ name, noRate }) => (noRate === undefined ? [] : [[name, noRate]])),
);
