/** `npm run bench:serve`: the server beside its peers. `--help` tells the options. */
import { bench } from "./harness/bench.ts";
import { helloFetchKeepAlive } from "./scenarios/hello-fetch.ts";
import { helloKeepAlive } from "./scenarios/hello-keepalive.ts";
import { kills } from "./scenarios/kills.ts";
import { memory } from "./scenarios/memory.ts";
import { newConnections } from "./scenarios/new-connections.ts";
import { reloads } from "./scenarios/reloads.ts";
import { waiting10k } from "./scenarios/waiting-10k.ts";

await bench("serve", "The server beside its peers", [
  helloKeepAlive,
  helloFetchKeepAlive,
  newConnections,
  waiting10k,
  memory,
  reloads,
  kills,
]);
