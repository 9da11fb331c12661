/** `npm run bench:sockets`: WebSockets, an actor each, beside plain `ws` and Erlang's Cowboy. `--help` lists the options. */
import { bench } from "./harness/bench.ts";
import { SOCKETS } from "./scenarios/all.ts";

await bench("sockets", "WebSockets", SOCKETS);
