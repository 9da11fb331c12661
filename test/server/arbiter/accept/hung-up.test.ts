import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { test } from "node:test";
import { askKernel, type ClientSign, sinceTheyWait } from "../../../../src/server/arbiter/accept/hung-up.ts";
import { loadNative } from "../../../../src/platform/native.ts";
import { hasFfi } from "../../../support/ffi.ts";
import { until } from "../support.ts";

test("the kernel tells who has sent something, who has ended its side with it, and who is gone, all unread", async (t) => {
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
  const dial = async (): Promise<Socket> => {
    const client = connect({ port, host: "127.0.0.1" }).on("error", () => {});
    await once(client, "connect");
    clients.push(client);
    await until(() => accepted.length === clients.length, "the connection");
    return client;
  };
  for (let i = 0; i < 7; i++) await dial();
  assert.deepEqual(askKernel(accepted), Array(7).fill("silent"));
  clients[1]!.write("GET / HTTP/1.1\r\n\r\n");
  clients[2]!.end("GET / HTTP/1.1\r\n\r\n");
  clients[3]!.end();
  clients[4]!.resetAndDestroy();
  clients[5]!.write("GET / HTTP/1.1\r\n\r\n", () => clients[5]!.resetAndDestroy());
  accepted[6]!.destroy();
  // Without node:ffi nothing can be asked about, and only what was closed here is known.
  const signs: ClientSign[] = hasFfi
    ? ["silent", "sent", "ended", "gone", "gone", "gone", "gone"]
    : [...Array<ClientSign>(6).fill("silent"), "gone"];
  await until(() => askKernel(accepted).join() === signs.join(), "the signs");
});

test("many looks within a moment are as one", () => {
  const [socket] = [{}] as Socket[];
  let nowMs = 0;
  let sign: ClientSign = "sent";
  const left = sinceTheyWait(
    () => [sign],
    () => nowMs,
  );
  for (nowMs = 0; nowMs < 20; nowMs++) assert.equal(left([socket!]).size, 0);
  sign = "ended";
  nowMs = 5000;
  assert.equal(left([socket!]).size, 0, "the loop did not look in between");
});

test("who ends its side with its request has not left; who does it later, or sends nothing, has", () => {
  let nowMs = 0;
  const names = ["together", "soon", "late", "silent", "gone"] as const;
  const sockets = names.map((name) => ({ name })) as unknown as Socket[];
  let signs: ClientSign[] = [];
  const left = sinceTheyWait(
    () => signs,
    () => nowMs,
  );
  const look = (atMs: number, ...now: ClientSign[]): string[] => {
    nowMs = atMs;
    signs = now;
    return [...left(sockets)].map((socket) => (socket as unknown as { name: string }).name);
  };
  assert.deepEqual(look(0, "silent", "silent", "silent", "silent", "silent"), []);
  assert.deepEqual(look(5000, "silent", "sent", "sent", "silent", "silent"), []);
  assert.deepEqual(look(6000, "ended", "ended", "sent", "silent", "gone"), ["gone"]);
  assert.deepEqual(look(6020, "ended", "ended", "ended", "silent", "gone"), ["late", "gone"]);
  assert.deepEqual(look(90_000, "ended", "ended", "ended", "silent", "gone"), ["late", "gone"], "they keep waiting");
});
