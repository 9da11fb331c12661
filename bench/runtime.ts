/** `npm run bench:runtime`: compares the library's tasks with Go, its actors with Erlang/OTP. `--help` lists the options. */
import { bench } from "./harness/bench.ts";
import { RUNTIME } from "./scenarios/all.ts";

await bench("runtime", "The runtime", RUNTIME);
