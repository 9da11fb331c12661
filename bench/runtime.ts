/** `npm run bench:runtime`: the library's tasks beside Go, its actors beside Erlang/OTP. `--help` tells the options. */
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
