import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { describe, test, type TestContext } from "node:test";
import { TurnAway } from "../../../../src/server/worker/accept/turn-away.ts";
import { RawConnection } from "../../../support/raw-connection.ts";

/** Each connection is turned away. `accepted` gets their sockets on the server's side. */
async function serveWith(
  t: TestContext,
  turnAway: TurnAway,
  accepted: Socket[] = [],
): Promise<() => Promise<RawConnection>> {
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    accepted.push(socket.on("error", () => {}));
    turnAway.refuse(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const clients: RawConnection[] = [];
  t.after(() => {
    for (const client of clients) client.destroy();
    server.close();
  });
  return async () => {
    const client = await RawConnection.open((server.address() as AddressInfo).port);
    clients.push(client);
    return client;
  };
}

describe("turning away", () => {
  test("answers a client 503 however much it has sent, and closes", async (t) => {
    const open = await serveWith(t, new TurnAway(() => true));
    const client = (await open()).write(Buffer.alloc(256 * 1024, "x"));
    const { status, headers, body } = await client.response();
    assert.deepEqual([status, headers["retry-after"], headers["connection"]], [503, "1", "close"]);
    assert.equal(body, "503 Service Unavailable\n");
    await client.ended();
    assert.equal(client.error, undefined);
  });

  test("closes without an answer under TLS", async (t) => {
    const open = await serveWith(t, new TurnAway(() => false));
    await (await open()).ended();
  });

  test("keeps only so many open that do not close their side", async (t) => {
    const accepted: Socket[] = [];
    const open = await serveWith(t, new TurnAway(() => true, 1), accepted);
    const first = await open();
    assert.equal((await first.response()).status, 503);
    const closed = once(accepted[0]!, "close");
    assert.equal((await (await open()).response()).status, 503);
    await closed;
  });
});
