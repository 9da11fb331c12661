/**
 * A port for a program that cannot be given 0. Nobody listens there when this resolves. It is below those that the system gives to
 * servers on port 0 and to clients, so that none of them takes it in between.
 */

import { once } from "node:events";
import { createServer } from "node:net";

const LOWEST = 20_000;
/** The lowest that Linux gives (net.ipv4.ip_local_port_range). */
const END = 32_768;

export async function freePort(): Promise<number> {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (END - LOWEST));
    const server = createServer().listen(port);
    const isFree = await once(server, "listening").then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}
