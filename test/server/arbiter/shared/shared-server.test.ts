/** The arbiter's store and an instance's connection to it, in one process, over their real socket. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { SharedServer } from "../../../../src/server/arbiter/shared/shared-server.ts";
import { ArbiterTransport } from "../../../../src/shared/arbiter-transport.ts";
import { FrameReader } from "../../../../src/kit/bytes/frame-reader.ts";
import {
  type Answer,
  decodeAnswer,
  encodeAnswer,
  encodeRequest,
  KIND,
  NO_TTL,
  NOTHING,
  OP,
  type Request,
  STATUS,
} from "../../../../src/shared/protocol.ts";

async function open(t: TestContext, sharedMemoryBytes = 2 ** 26): Promise<{ server: SharedServer; log: string[] }> {
  const log: string[] = [];
  const server = await SharedServer.open(
    { sharedMemoryBytes, sharedValueBytes: 2 ** 20 },
    { warn: (_fields, message) => void log.push(message) },
  );
  t.after(() => server.close());
  return { server, log };
}

function request(op: keyof typeof OP, key: string, rest: Partial<Request> = {}): Request {
  const kind = rest.value === undefined ? KIND.none : KIND.bytes;
  return { namespace: "", key, kind, ttlMs: NO_TTL, number: 0, value: NOTHING, ...rest, op: OP[op] };
}

/** A client that does as it likes. */
async function raw(t: TestContext, path: string): Promise<Socket> {
  const socket = connect({ path });
  socket.on("error", () => {});
  t.after(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** A server at a path of its own, that answers what it is told to. */
async function fake(t: TestContext, onData: (socket: Socket) => void): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "heddle-shared-"));
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    socket.on("data", () => onData(socket));
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const path = join(folder, "fake");
  await once(server.listen(path), "listening");
  return path;
}

const code = (expected: string) => (error: { code?: string }) => error.code === expected;

test("instances share what is set, and each connection counts", async (t) => {
  const { server } = await open(t);
  const [a, b] = [new ArbiterTransport(server.place), new ArbiterTransport(server.place)];
  const asked = [a, b].flatMap((from) =>
    Array.from({ length: 500 }, () => from.ask(request("increment", "n", { number: 1 }))),
  );
  const numbers = (await Promise.all(asked)).map(({ number }) => number);
  assert.deepEqual(
    numbers.toSorted((x, y) => x - y),
    Array.from({ length: 1000 }, (_, i) => i + 1),
  );
  const { entries, connections, operations } = server.status!;
  assert.deepEqual([entries, connections, operations], [1, 2, 1000]);
});

test("the socket is for its owner only, and its file goes with the server", async (t) => {
  const { server } = await open(t);
  assert.equal(statSync(server.place).mode & 0o777, 0o600);
  assert.equal(statSync(dirname(server.place)).mode & 0o777, 0o700);
  server.close();
  assert.equal(existsSync(server.place), false);
});

test("operations in flight at the server's end are interrupted, and later ones find nobody", async (t) => {
  const { server } = await open(t);
  const transport = new ArbiterTransport(server.place);
  await transport.ask(request("get", "key"));
  // A second claim waits for the first.
  await transport.ask(request("claim", "key", { ttlMs: 60_000 }));
  const waiting = assert.rejects(transport.ask(request("claim", "key", { ttlMs: 60_000 })), code("SHARED_INTERRUPTED"));
  await transport.ask(request("get", "key"));
  server.close();
  await waiting;
  await assert.rejects(transport.ask(request("get", "key")), code("SHARED_UNAVAILABLE"));
});

test("a connection that broke is opened again by the next operation", async (t) => {
  let sockets = 0;
  const path = await fake(t, (socket) => {
    if (++sockets === 1) socket.destroy();
    else for (const id of [1, 2]) socket.write(encodeAnswer(id, answer({ number: 7 })));
  });
  const transport = new ArbiterTransport(path);
  await assert.rejects(transport.ask(request("get", "key")), code("SHARED_INTERRUPTED"));
  assert.equal((await transport.ask(request("get", "key"))).number, 7);
});

test("a server of another version, and what is no server, are told from one that is gone", async (t) => {
  const other = await fake(t, (socket) =>
    socket.write(encodeAnswer(1, answer({ status: STATUS.otherVersion, number: 9 }))),
  );
  await assert.rejects(new ArbiterTransport(other).ask(request("get", "key")), /version 9 of its protocol/);
  const http = await fake(t, (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await assert.rejects(new ArbiterTransport(http).ask(request("get", "key")), (error: Error) =>
    /no shared store|broke before/.test(error.message),
  );
  const nobody = new ArbiterTransport(join(tmpdir(), "heddle-nobody"));
  await assert.rejects(nobody.ask(request("get", "key")), code("SHARED_UNAVAILABLE"));
});

test("an instance is refused what it can't send, before its memory is full", async (t) => {
  const path = await fake(t, () => {});
  const transport = new ArbiterTransport(path);
  const value = Buffer.alloc(2 ** 20);
  const asked = Array.from({ length: 80 }, () => transport.ask(request("set", "key", { value })));
  await assert.rejects(Promise.race(asked), code("SHARED_BUSY"));
  for (const each of asked) each.catch(() => {});
});

test("an instance that reads nothing is not read, delays nobody, and gets all of its answers when it reads", async (t) => {
  const { server } = await open(t);
  const transport = new ArbiterTransport(server.place);
  await transport.ask(request("set", "large", { value: Buffer.alloc(2 ** 20) }));
  const flood = await raw(t, server.place);
  flood.pause();
  const asked = 200;
  flood.write(Buffer.concat(Array.from({ length: asked }, (_, id) => encodeRequest(id, request("get", "large")))));
  for (let i = 0; i < 20; i++) await transport.ask(request("increment", "n", { number: 1 }));
  // What the kernel takes, and what may be unread.
  assert.ok(server.status!.operations < 21 + 20, `${server.status!.operations} operations`);
  const reader = new FrameReader(2 ** 21);
  let answered = 0;
  const all = Promise.withResolvers<void>();
  flood.on("data", (chunk: Buffer) => {
    reader.push(chunk);
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
      assert.equal(decodeAnswer(frame as Buffer)!.id, answered++);
      if (answered === asked) all.resolve();
    }
  });
  flood.resume();
  await all.promise;
});

test("a value that is far too large is refused, and what the thread has asked besides is answered", async (t) => {
  const { server, log } = await open(t);
  const transport = new ArbiterTransport(server.place);
  const value = Buffer.alloc(3 * 2 ** 20);
  const asked = [
    transport.ask(request("increment", "n", { number: 1 })),
    transport.ask(request("set", "large", { value })),
    transport.ask(request("publish", "", { namespace: "channel", value })),
    transport.ask(request("increment", "n", { number: 1 })),
  ];
  const answers = await Promise.all(asked);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [STATUS.ok, STATUS.tooLarge, STATUS.tooLarge, STATUS.ok],
  );
  assert.equal(answers[3]!.number, 2);
  assert.deepEqual(log, []);
});

test("a connection that sends what is no request is closed, and the log says so", async (t) => {
  const { server, log } = await open(t);
  for (const bytes of [Buffer.from("GET / HTTP/1.1\r\n\r\n"), Buffer.from([1, 0, 0, 0, 0]), Buffer.alloc(64, 0xff)]) {
    const socket = await raw(t, server.place);
    const closed = once(socket, "close");
    socket.resume().write(bytes);
    await closed;
  }
  assert.deepEqual(log.length, 3);
  assert.match(log[0]!, /an instance has sent a request that is too long/);
  assert.match(log[1]!, /an instance has sent what is no request/);
});

test("what an instance holds goes to the next when its connection ends", async (t) => {
  const { server } = await open(t);
  const socket = await raw(t, server.place);
  const granted = once(socket, "data");
  socket.write(encodeRequest(1, request("claim", "key", { ttlMs: 60_000 })));
  await granted;
  const transport = new ArbiterTransport(server.place);
  const claimed = transport.ask(request("claim", "key", { ttlMs: 60_000 }));
  await transport.ask(request("get", "key"));
  socket.destroy();
  assert.equal((await claimed).status, STATUS.granted);
});

test("the store stays within its memory, and the log says once that counters are forgotten", async (t) => {
  const { server, log } = await open(t, 2 ** 16);
  const transport = new ArbiterTransport(server.place);
  for (let round = 0; round < 10; round++) {
    const asked = Array.from({ length: 500 }, (_, i) =>
      transport.ask(request("increment", `${round}:${i}`, { number: 1, ttlMs: 60_000 })),
    );
    await Promise.all(asked);
    assert.ok(server.status!.bytes <= 2 ** 16);
  }
  assert.ok(server.status!.evictedCounters > 4000);
  assert.equal(log.filter((line) => line.includes("the limits that they stand for are forgotten")).length, 1);
  const large = await transport.ask(request("set", "large", { value: Buffer.alloc(2 ** 16) }));
  assert.equal(large.status, STATUS.tooLarge);
});

function answer(rest: Partial<Answer>): Answer {
  return { status: STATUS.ok, kind: KIND.none, ttlMs: NO_TTL, number: 0, version: 0, value: NOTHING, ...rest };
}
