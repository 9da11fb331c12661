import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import {
  askKernel,
  type ClientSign,
  lastByteAgeMs,
  sinceTheyWait,
} from "../../../../src/server/arbiter/accept/hung-up.ts";
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

test("who ends its side with the last byte has not left; who does it later, or sends nothing, has", () => {
  let nowMs = 0;
  const names = ["together", "slowly", "late", "unknown", "silent", "gone"] as const;
  type Name = (typeof names)[number];
  const sockets = names.map((name) => ({ name })) as unknown as Socket[];
  const nameOf = (socket: Socket): Name => (socket as unknown as { name: Name }).name;
  let signs: ClientSign[] = [];
  let ages: Partial<Record<Name, number>> = {};
  const left = sinceTheyWait(
    () => signs,
    (socket) => ages[nameOf(socket)],
    () => nowMs,
  );
  const look = (atMs: number, ...now: ClientSign[]): Name[] => {
    nowMs = atMs;
    signs = now;
    return [...left(sockets)].map(nameOf);
  };
  assert.deepEqual(look(0, "silent", "silent", "sent", "silent", "silent", "silent"), []);
  assert.deepEqual(look(5000, "silent", "sent", "sent", "sent", "silent", "silent"), []);
  assert.deepEqual(look(6000, "sent", "sent", "sent", "sent", "silent", "gone"), ["gone"]);
  ages = { together: 1000, slowly: 5, late: 45 };
  assert.deepEqual(look(6025, "sent", "ended", "sent", "ended", "silent", "gone"), ["gone"]);
  ages = { together: 1024, slowly: 29, late: 45 };
  assert.deepEqual(
    look(6050, "sent", "ended", "ended", "ended", "silent", "gone"),
    ["gone"],
    "45 ms, 25 of them unseen",
  );
  assert.deepEqual(
    look(90_000, "ended", "ended", "ended", "ended", "ended", "gone"),
    ["gone"],
    "the loop did not look",
  );
});

test("the end comes later than the last byte if a look in between found no end", () => {
  const socket = {} as Socket;
  let nowMs = 0;
  let [sign, ageMs]: [ClientSign, number] = ["sent", 0];
  const left = sinceTheyWait(
    () => [sign],
    () => ageMs,
    () => nowMs,
  );
  for (nowMs = 0; nowMs <= 100; nowMs += 25) assert.equal(left([socket]).size, 0);
  [sign, ageMs, nowMs] = ["ended", 121, 125];
  assert.equal(left([socket]).size, 1, "at least 96 ms later");
});

async function tellsAges(t: TestContext): Promise<void> {
  await loadNative();
  const server = createServer((socket) => t.after(() => void socket.destroy()));
  t.after(() => void server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  t.after(() => void client.destroy());
  const beganMs = performance.now();
  client.write("one");
  const [socket] = (await accepted) as [Socket];
  await once(socket, "data");
  await new Promise((resolve) => setTimeout(resolve, 60));
  const before = lastByteAgeMs(socket)!;
  assert.ok(before >= 50 && before <= performance.now() - beganMs + 100, `${before}`);
  client.end();
  await once(socket, "end");
  assert.ok(lastByteAgeMs(socket)! >= before, "the end is no byte");
}
if (hasFfi && process.platform === "linux")
  test("the kernel tells the age of the last byte of a connection", tellsAges);
