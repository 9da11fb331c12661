import { openFilesLimit } from "../../harness/machine.ts";
import { treeMemory } from "../../harness/memory.ts";
import type { Contender, Pace, Sample, Scenario } from "../../harness/scenario.ts";
import { pacedLoad } from "../../paced/paced.ts";
import { go } from "../../peers/go.ts";
import { heddleModels } from "../../peers/heddle-models.ts";
import { clientsOf, withFlags } from "../../peers/model-options.ts";
import { benchApp, type RunningPeer } from "../../peers/peer.ts";
import { PACED_METRICS, sampleOf } from "./paced.ts";

const app = benchApp("models");
export const CLIENTS: readonly number[] = [1, 10, 100, 1000, 10_000];
/** As many isolates as fit into a small machine beside everything else. */
const THREADS = 100;
export const MODELS: Readonly<Record<string, string>> = {
  "thread-per-request": `--model thread-per-request --threads ${THREADS}`,
  threads: `--model threads --threads ${THREADS}`,
  loop: "--threads 2",
  tasks: "--model tasks --threads 2",
  actors: "--model actors --threads 2",
};
/** 2,500 new connections a second are far below what any contender accepts. */
const CLIENTS_PER_RAMP_MS = 2.5;
/** Libraries, pipes and listeners beside the connections. */
const OTHER_FILES = 200;
const SHORTEST_SECONDS = 5;
const WAIT = "/wait?ms=1000";

/** The name of a contender. */
export function nameOf(model: string, clients: number): string {
  return `${model}, ${clients.toLocaleString("en")}`;
}

export const ceilings: Scenario = {
  name: "c10k",
  title: "1 to 10,000 clients that wait a second each",
  about:
    `The C10k problem: so many keep-alive clients, each sends its next request when the last is answered, and the handler waits one second. Ideal is one answer per ` +
    `client and second. The thread models have ${THREADS} threads and run one request on each; what does not fit waits in the queue (\`--queue\` and ` +
    "`--queue-timeout` as they come) and is turned away with 503 beyond it. A client that was turned away waits a second. Latencies are of the answered ones.",
  atMostRounds: 3,
  contenders: [
    ...Object.entries(MODELS).flatMap(([model, flags]) =>
      CLIENTS.map(
        (clients): Contender => ({
          name: nameOf(model, clients),
          peer: heddleModels,
          app,
          options: withFlags(1, flags, { clients }),
        }),
      ),
    ),
    {
      name: "Go, 10,000",
      peer: go,
      app: benchApp("wait", "/wait?ms=0"),
      options: withFlags(2, "", { clients: 10_000 }),
    },
  ],
  metrics: [
    ...PACED_METRICS,
    { key: "shedPerSecond", label: "shed", unit: "1/s", digits: 0 },
    { key: "pssMiB", label: "memory (PSS)", unit: "MiB", digits: 0 },
  ],
  targets: [
    { metric: "requestsPerSecond", contender: "loop, 10,000", atLeast: 9500, over: "median" },
    ...["tasks", "actors"].map((model) => ({
      metric: "requestsPerSecond",
      contender: nameOf(model, 10_000),
      atLeast: 9500,
      over: "median" as const,
    })),
    ...CLIENTS.slice(0, 3).map((clients) => ({
      metric: "failed",
      contender: nameOf("threads", clients),
      atMost: 0,
      over: "every round" as const,
    })),
  ],
  measure: (running, { options }, pace) => measure(running, clientsOf(options), pace),
};

async function measure(running: RunningPeer, clients: number, pace: Pace): Promise<Sample> {
  if (openFilesLimit() < clients + OTHER_FILES) {
    throw new Error(
      `a process may open ${openFilesLimit()} files here, ${clients + OTHER_FILES} are needed: raise \`ulimit -n\``,
    );
  }
  const rampMs = Math.max(100, clients / CLIENTS_PER_RAMP_MS);
  const seconds = Math.max(SHORTEST_SECONDS, pace.seconds);
  const report = await pacedLoad({
    url: running.url,
    streams: [{ name: "wait", path: WAIT, clients }],
    seconds,
    rampMs,
    settleMs: rampMs + 2000,
  });
  const { pssMiB } = treeMemory(running.pids());
  const { metrics, detail } = sampleOf(report, "wait", { pssMiB });
  return { metrics: { ...metrics, shedPerSecond: (metrics["shed"] ?? 0) / seconds }, detail };
}
