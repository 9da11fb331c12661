/** `npm run bench:tune`: the load generator of `heddle tune` beside others. `--help` lists the options. */
import { bench } from "./harness/bench.ts";
import { TUNE } from "./scenarios/all.ts";

await bench("tune", "Load generators", TUNE);
