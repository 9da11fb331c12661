import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { test } from "node:test";
import { hungUp, sinceTheyWait } from "../../../../src/server/arbiter/accept/hung-up.ts";
import { loadNative } from "../../../../src/platform/native.ts";
import { hasFfi } from "../../../support/ffi.ts";
import { until } from "../support.ts";

test("a client that has closed or reset its connection has hung up, unread; one that waits has not", async (t) => {
  assert.equal(await loadNative(), hasFfi);
  const accepted: Socket[] = [];
  const server = createServer({ pauseOnConnect: true }, (socket) => void accepted.push(socket.on("error", () => {})));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const clients: Socket[] = [];
  t.after(() => {
    for (const socket of [...clients, ...accepted]) socket.destroy();
    server.close();
  });
  for (let i = 0; i < 4; i++) {
    const client = connect({ port, host: "127.0.0.1" }).on("error", () => {});
    await once(client, "connect");
    await until(() => accepted.length === i + 1, "the connection");
    clients.push(client.on("error", () => {}));
  }
  assert.equal(hungUp(accepted).size, 0);
  clients[1]!.end("GET / HTTP/1.1\r\n\r\n");
  clients[2]!.resetAndDestroy();
  accepted[3]!.destroy();
  // Without node:ffi nothing can be asked about, and only what was closed here is known.
  const gone = accepted.slice(hasFfi ? 1 : 3);
  await until(() => hungUp(accepted).size === gone.length, "the ends");
  assert.deepEqual([...hungUp(accepted)], gone);
});

test("who ends its side at the beginning of its wait has not left; who does it later has", () => {
  let nowMs = 0;
  const [early, late, gone] = [{ destroyed: false }, { destroyed: false }, { destroyed: true }] as unknown as Socket[];
  let ended: Socket[] = [];
  const left = sinceTheyWait(
    () => new Set(ended),
    () => nowMs,
  );
  const all = [early!, late!, gone!];
  left(all);
  ended = [early!, gone!];
  nowMs = 4;
  assert.deepEqual([...left(all)], [gone]);
  ended = all;
  nowMs = 5;
  assert.deepEqual([...left(all)], [late, gone]);
});
