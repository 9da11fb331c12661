/** `npm run bench:runtime`: the library's tasks beside Go. `--help` tells the options. */
import { bench } from "./harness/bench.ts";
import { across, buffered, fanOut, parked, pingPong, pipeline } from "./scenarios/runtime/tasks.ts";

await bench("runtime", "The runtime", [pingPong, pipeline, buffered, parked, fanOut, across]);
