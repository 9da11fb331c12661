/**
 * `npm run bench:models`: compares the models with each other, and with the servers they come from. `--help` lists the
 * options.
 */
import { bench } from "./harness/bench.ts";
import { blocking } from "./scenarios/models/blocking.ts";
import { ceilings } from "./scenarios/models/ceilings.ts";
import { computing } from "./scenarios/models/computing.ts";
import { freshThreads } from "./scenarios/models/fresh-threads.ts";
import { frameworksThreads, helloThreads } from "./scenarios/models/hello.ts";
import { neighbours } from "./scenarios/models/neighbours.ts";
import { oneAtATime } from "./scenarios/models/one-at-a-time.ts";
import { runaways } from "./scenarios/models/runaways.ts";

await bench("models", "The models of concurrency", [
  helloThreads,
  frameworksThreads,
  blocking,
  computing,
  neighbours,
  oneAtATime,
  freshThreads,
  ceilings,
  runaways,
]);
