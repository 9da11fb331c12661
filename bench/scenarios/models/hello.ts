import type { Contender, Scenario } from "../../harness/scenario.ts";
import { go } from "../../peers/go.ts";
import { heddleModels } from "../../peers/heddle-models.ts";
import { jdk } from "../../peers/jdk.ts";
import { withFlags } from "../../peers/model-options.ts";
import { benchApp } from "../../peers/peer.ts";
import { measureThroughput, THROUGHPUT_METRICS } from "../throughput.ts";

/** Where the handler runs, as it follows the app's shape in a contender's name, and the flags for it. */
type Variants = Readonly<Record<string, string>>;

const LOOPS: Variants = { "loop × 1": "--threads 1", "loop × 2": "--threads 2" };
const THREADS: Variants = { "threads × 2": "--model threads --threads 2" };
const TASKS: Variants = { "tasks × 2": "--model tasks --threads 2" };
const ACTORS: Variants = { "actors × 1": "--model actors --threads 1", "actors × 2": "--model actors --threads 2" };
/** An actor runs on the loop of its connection, so it is compared with as many loops. */
const ACTORS_AT_LEAST = 0.8;

const ABOUT =
  "`wrk -t1 -c64`, keep-alive. Every app on one loop and on two, and with one serving thread and two handler threads. " +
  "The ratio is what it costs to hand each request to another thread and its answer back.";

export const helloThreads: Scenario = scenario({
  name: "hello-threads",
  title: "Hello world through `threads`, `tasks` and `actors`",
  about: `${ABOUT} \`tasks\` does the same, with two scheduler threads; under \`actors\` the request stays on its loop, as an actor.`,
  apps: { "(req, res)": "hello", fetch: "hello-fetch" },
  variants: { ...LOOPS, ...THREADS, ...TASKS, ...ACTORS },
  offLoopAtLeast: 0.55,
  others: [
    { name: "Go, GOMAXPROCS=2", peer: go, app: benchApp("hello"), options: { loops: 2 } },
    { name: "JDK, virtual threads × 2", peer: jdk, app: benchApp("hello"), options: { loops: 2 } },
  ],
});

export const frameworksThreads: Scenario = scenario({
  name: "frameworks-threads",
  title: "Frameworks through `threads`",
  about: ABOUT,
  apps: { express: "hello-express", fastify: "hello-fastify" },
  variants: { ...LOOPS, ...THREADS },
  offLoopAtLeast: 0.7,
  others: [],
});

function scenario(what: {
  name: string;
  title: string;
  about: string;
  apps: Readonly<Record<string, string>>;
  variants: Variants;
  offLoopAtLeast: number;
  others: readonly Contender[];
}): Scenario {
  const { name, title, about, apps, variants, offLoopAtLeast, others } = what;
  return {
    name,
    title,
    about,
    standing: true,
    contenders: Object.entries(apps)
      .flatMap(([shape, file]) => contenders(shape, file, variants))
      .concat(others),
    metrics: THROUGHPUT_METRICS,
    targets: Object.keys(apps).flatMap((shape) =>
      pairs(variants, offLoopAtLeast).map(([contender, against, atLeast]) => ({
        metric: "requestsPerSecond",
        over: "median" as const,
        contender: `${shape}, ${contender}`,
        against: `${shape}, ${against}`,
        atLeast,
      })),
    ),
    measure: (running, _contender, pace) => measureThroughput(running, pace, { connections: 64 }),
  };
}

function contenders(shape: string, file: string, variants: Variants): Contender[] {
  const common = { peer: heddleModels, app: benchApp(file) };
  return Object.entries(variants).map(([name, flags]) => ({
    name: `${shape}, ${name}`,
    ...common,
    options: withFlags(1, flags),
  }));
}

/** What is compared with what: contender, reference, ratio. */
function pairs(variants: Variants, offLoopAtLeast: number): (readonly [string, string, number])[] {
  return Object.keys(variants).flatMap((variant): (readonly [string, string, number])[] => {
    if (variant in LOOPS) return [];
    if (variant in ACTORS) return [[variant, variant.replace("actors", "loop"), ACTORS_AT_LEAST]];
    return Object.keys(LOOPS).map((loop) => [variant, loop, offLoopAtLeast] as const);
  });
}
