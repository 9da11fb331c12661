/** Sockets with compression: what is agreed on, what is inflated or compressed while the client leaves, and what an idle one holds. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import zlib, { constants, deflateRawSync } from "node:zlib";
import { WebSocket } from "ws";
import { socketActor, type SocketOptions } from "../../../../src/index.ts";
import { clientFrame, closePayload, type FrameClient, OPCODE } from "../../../support/frame-client.ts";
import { Journal, SocketServer } from "../support.ts";

const { text, binary, continuation, ping, close } = OPCODE;

const DEFLATE = ["sec-websocket-extensions: permessage-deflate"];

/** RFC 7692 §7.2.1. */
function deflated(data: string | Uint8Array): Buffer {
  return deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

/** Notes the lengths of messages, and the end. */
function noting(journal: Journal<string>, options: SocketOptions = {}): ReturnType<typeof socketActor> {
  return socketActor(
    async (self) => {
      for (;;) {
        const message = await self.receive();
        if (typeof message === "string" || message instanceof Uint8Array) journal.add(`${message.length}`);
        else return journal.add(`close ${message.code}`);
      }
    },
    { deflate: true, ...options },
  );
}

describe("permessage-deflate", () => {
  const OFFER = ["sec-websocket-extensions: permessage-deflate; client_max_window_bits"];
  const echo = (options: SocketOptions): ReturnType<typeof socketActor> =>
    socketActor(async (self, socket) => {
      for (;;) void socket.send(await self.receive());
    }, options);

  test("is not agreed on unless it is turned on", async () => {
    await using server = await SocketServer.start(echo({}));
    await using client = await server.connect("/", OFFER);
    assert.equal(client.answer.headers["sec-websocket-extensions"], undefined);
  });

  test("keeps no context, and has a bounded window", async () => {
    await using server = await SocketServer.start(echo({ deflate: { windowBits: 10 } }));
    await using client = await server.connect("/", OFFER);
    const agreed = client.answer.headers["sec-websocket-extensions"]!;
    assert.match(agreed, /^permessage-deflate/);
    for (const part of ["server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits=10"]) {
      assert.ok(agreed.includes(part), agreed);
    }
  });

  test("is declined if no offer fits, and refused if the header is malformed", async () => {
    await using server = await SocketServer.start(echo({ deflate: true }));
    await using client = await server.connect("/", ["sec-websocket-extensions: permessage-deflate; what=ever, other"]);
    assert.equal(client.answer.status, 101);
    assert.equal(client.answer.headers["sec-websocket-extensions"], undefined);
    await using broken = await server.connect("/", ["sec-websocket-extensions: permessage-deflate; ="]);
    assert.equal(broken.answer.status, 400);
  });

  test("works with a real client, whose messages stay in order", async () => {
    await using server = await SocketServer.start(echo({ deflate: { thresholdBytes: 100 }, unreadMessages: 4 }));
    const client = new WebSocket(`ws://127.0.0.1:${server.port}`, { perMessageDeflate: { threshold: 100 } });
    const heard = new Journal<string>();
    client.on("message", (data: Buffer) => heard.add(String(data)));
    await new Promise((resolve) => client.once("open", resolve));
    assert.match(client.extensions, /permessage-deflate/);
    const sent = Array.from({ length: 200 }, (_, i) => `${i} `.repeat((i * 37) % 500));
    for (const message of sent) client.send(message);
    assert.deepEqual(await heard.whenLong(200), sent);
    const closed = new Promise((resolve) => client.once("close", resolve));
    client.close(1000);
    assert.equal(await closed, 1000);
  });

  test("does not let a small message become a large one", async () => {
    await using server = await SocketServer.start(echo({ deflate: true, messageBytes: 10_000 }));
    const client = new WebSocket(`ws://127.0.0.1:${server.port}`, { perMessageDeflate: { threshold: 0 } });
    await new Promise((resolve) => client.once("open", resolve));
    const closed = new Promise((resolve) => client.once("close", resolve));
    client.send("x".repeat(1_000_000));
    assert.equal(await closed, 1009);
  });

  test("closes with 1007 what cannot be read", async () => {
    await using server = await SocketServer.start(echo({ deflate: true }));
    await using client = await server.connect("/", OFFER);
    client.send(text, Buffer.of(0xff, 0xff, 0xff, 0xff), { rsv: 4 });
    assert.equal((await client.closed())[0], 1007);
  });
});

describe("a message that is still being inflated", () => {
  for (const [how, behind, code] of [
    ["ends its side", Buffer.alloc(0), 1006],
    ["closes and ends its side", clientFrame(close, closePayload(3001)), 3001],
  ] as const) {
    test(`arrives before the end if its client ${how} right behind it`, async () => {
      const journal = new Journal<string>();
      await using server = await SocketServer.start(noting(journal));
      await using client = await server.connect("/", DEFLATE);
      client.raw.write(Buffer.concat([clientFrame(text, deflated("x".repeat(50_000)), { rsv: 4 }), behind]));
      client.raw.socket.end();
      assert.deepEqual(await journal.whenLong(2), ["50000", `close ${code}`]);
    });
  }
});

test("what is sent while its client closes arrives, and then the answer to its close frame", async () => {
  const sent = new Journal<string>();
  const kind = socketActor(
    async (self, socket) => {
      await self.receive();
      for (let i = 0; i < 8; i++) void socket.send(randomBytes(2 ** 20));
      sent.add("all");
      await self.receive();
    },
    { deflate: true, sendBytes: 2 ** 24 },
  );
  await using server = await SocketServer.start(kind);
  await using client = await server.connect("/", DEFLATE);
  client.text("go");
  await sent.whenLong(1);
  client.send(close, closePayload(3001));
  for (let i = 0; i < 8; i++) assert.equal((await client.frame())?.opcode, binary);
  assert.deepEqual(await client.closed(), [3001, ""]);
});

test("a message of the largest size arrives, however small the pieces are that are inflated", async () => {
  const journal = new Journal<string>();
  await using server = await SocketServer.start(noting(journal, { messageBytes: 500_000, unreadBytes: 16 * 1024 }));
  await using client = await server.connect("/", DEFLATE);
  // Compression makes it a little larger.
  client.send(binary, deflated(randomBytes(499_000)), { rsv: 4 });
  client.send(close, closePayload(1000));
  assert.deepEqual(await journal.whenLong(2), ["499000", "close 1000"]);
});

/** The server has read all that came. */
async function isHeard(client: FrameClient): Promise<void> {
  client.send(ping, "here?");
  await client.frame();
}

describe("an idle socket", () => {
  test("holds no compressor, and makes one again when it is needed", async (t) => {
    const made = (["createDeflateRaw", "createInflateRaw"] as const).map((name) => t.mock.method(zlib, name));
    const living = (): number =>
      made.flatMap(({ mock }) => mock.calls).filter(({ result }) => result?.destroyed === false).length;
    const kind = socketActor(
      async (self, socket) => {
        for (;;) void socket.send(await self.receive());
      },
      { deflate: { thresholdBytes: 0 } },
    );
    await using server = await SocketServer.start(kind);
    await using client = await server.connect("/", DEFLATE);
    for (let i = 1; i <= 2; i++) {
      client.send(text, deflated("x".repeat(5000)), { rsv: 4 });
      assert.equal((await client.frame())!.rsv, 4);
      assert.equal(made[0]!.mock.callCount(), i);
      assert.equal(living(), 2);
      for (let second = 0; second < 3; second++) {
        await server.pass(1000);
        await isHeard(client);
      }
      assert.equal(living(), 0);
    }
  });

  test("in the middle of a message keeps what it has inflated", async () => {
    const journal = new Journal<string>();
    await using server = await SocketServer.start(noting(journal));
    await using client = await server.connect("/", DEFLATE);
    const whole = deflated("x".repeat(100) + "y".repeat(5000));
    client.send(text, whole.subarray(0, 5), { rsv: 4, fin: false });
    for (let second = 0; second < 3; second++) {
      await isHeard(client);
      await server.pass(1000);
    }
    client.send(continuation, whole.subarray(5));
    client.send(close, closePayload(1000));
    assert.deepEqual(await journal.whenLong(2), ["5100", "close 1000"]);
  });
});
