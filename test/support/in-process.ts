/** A plain node:http server in this process, for one handler and one client: to test changes to `req` and `res`. */

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface PlainServer extends AsyncDisposable {
  readonly port: number;
}

export async function servePlain(handler: (req: IncomingMessage, res: ServerResponse) => void): Promise<PlainServer> {
  const server = createServer(handler);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
