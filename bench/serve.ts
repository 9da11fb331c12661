/** `npm run bench:serve`: the server beside its peers. `--help` tells the options. */
import { bench } from "./harness/bench.ts";
import { helloFetchKeepAlive } from "./scenarios/hello-fetch.ts";
import { helloKeepAlive } from "./scenarios/hello-keepalive.ts";
import { newConnections } from "./scenarios/new-connections.ts";

await bench("serve", "The server beside its peers", [helloKeepAlive, helloFetchKeepAlive, newConnections]);
