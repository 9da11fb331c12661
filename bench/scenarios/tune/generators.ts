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
import { type Availability, benchApp, LISTENING, PEERS_FOLDER } from "../../peers/peer.ts";

export const GENERATORS: readonly LoadGenerator[] = [heddleGenerator, wrkGenerator, autocannon, hey, oha, k6];

interface ServerProgram {
  readonly command: readonly string[];
  install(): Promise<Availability>;
}

const nullBinary = join(PEERS_FOLDER, "go/tune-null");
/** A Go program of one thread that answers each request with the same bytes. */
export const nullServer: ServerProgram = {
  command: [nullBinary],
  install: () => buildGo([new URL("../../apps/tune/null/main.go", import.meta.url)], nullBinary),
};

/** A Node program that knows its latencies. */
export function latencyServer(kind: "lognormal" | "stall"): ServerProgram {
  return {
    command: [process.execPath, new URL("../../apps/tune/latency.ts", import.meta.url).pathname, kind],
    install: async () => ({ available: true, version: process.version }),
  };
}

/** The generators as contenders. Each round starts the server anew, on a core of its own. */
export function contendersAgainst(generators: readonly LoadGenerator[], server: ServerProgram): Contender[] {
  return generators.map((generator) => ({
    name: generator.name,
    // The harness wants to name an app.
    app: benchApp("tune/latency"),
    options: { loops: 1 },
    peer: {
      name: generator.name,
      async install() {
        const found = await server.install();
        return found.available ? generator.install() : found;
      },
      async start() {
        const running = start(...pinned(cores()?.server, server.command), { env: { GOMAXPROCS: "1" } });
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
