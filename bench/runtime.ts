/** `npm run bench:runtime`: compares the library's tasks with Go, its actors with Erlang/OTP. `--help` lists the options. */
import { bench } from "./harness/bench.ts";
import { actorsAcross, calls, longMailbox, parkedActors, ring, usualSet } from "./scenarios/runtime/actors.ts";
import { across, buffered, fanOut, parked, pingPong, pipeline } from "./scenarios/runtime/tasks.ts";

await bench("runtime", "The runtime", [
  pingPong,
  pipeline,
  buffered,
  parked,
  fanOut,
  across,
  parkedActors,
  ring,
  calls,
  longMailbox,
  actorsAcross,
  ...usualSet,
]);
