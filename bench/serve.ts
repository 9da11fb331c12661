/** `npm run bench:serve`: the server beside its peers. `--help` tells the options. */
import { bench } from "./harness/bench.ts";
import { SERVE } from "./scenarios/all.ts";

await bench("serve", "The server beside its peers", SERVE);
