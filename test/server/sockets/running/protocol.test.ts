/** What a socket does with each kind of frame, right and wrong ones, from either side. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { socketActor } from "../../../../src/index.ts";
import { clientFrame, closePayload, FrameClient, OPCODE } from "../../../support/frame-client.ts";
import { Journal, SocketServer } from "../support.ts";

const { text, binary, close, ping, pong, continuation } = OPCODE;

const echo = (options = {}): ReturnType<typeof socketActor> =>
  socketActor(async (self, socket) => {
    for (;;) void socket.send(await self.receive());
  }, options);

/** An echo that writes down all that it receives. */
function noted(journal: Journal<unknown>, options = {}): ReturnType<typeof socketActor> {
  return socketActor(async (self, socket) => {
    for (;;) {
      const message = await self.receive();
      journal.add(typeof message === "object" && "type" in message ? { ...message } : message);
      void socket.send(message);
    }
  }, options);
}

describe("a socket", () => {
  for (const size of [0, 1, 125, 126, 127, 65_535, 65_536, 200_000]) {
    test(`echoes ${size} characters and bytes`, async () => {
      await using server = await SocketServer.start(echo());
      await using client = await server.connect();
      client.text("x".repeat(size)).send(binary, new Uint8Array(size).fill(7));
      assert.equal(await client.heard(), "x".repeat(size));
      const { opcode, payload } = (await client.frame())!;
      assert.equal(opcode, binary);
      assert.deepEqual(payload, Buffer.alloc(size, 7));
    });
  }

  test("takes what comes together with the handshake, and cut anywhere", async () => {
    await using server = await SocketServer.start(echo());
    const frames = Buffer.concat([clientFrame(text, "first"), clientFrame(text, "second ü")]);
    for (let cut = 0; cut < frames.length; cut++) {
      await using client = await server.connect("/", [], frames.subarray(0, cut));
      client.raw.write(frames.subarray(cut));
      assert.equal(await client.heard(), "first");
      assert.equal(await client.heard(), "second ü");
    }
  });

  test("joins fragments, and answers pings between them", async () => {
    await using server = await SocketServer.start(echo());
    await using client = await server.connect();
    client.send(text, "one ", { fin: false }).send(ping, "here?").send(continuation, "", { fin: false });
    client.send(continuation, "two ü".slice(0, 5)).send(pong, "unasked");
    const answer = (await client.frame())!;
    assert.deepEqual([answer.opcode, answer.payload.toString()], [pong, "here?"]);
    assert.equal(await client.heard(), "one two ü".slice(0, 9));
  });

  test("joins a text whose characters are cut by its fragments", async () => {
    await using server = await SocketServer.start(echo());
    await using client = await server.connect();
    const bytes = Buffer.from("κόσμε 🧵");
    for (const [i, byte] of bytes.entries()) {
      client.send(i === 0 ? text : continuation, Buffer.of(byte), { fin: i === bytes.length - 1 });
    }
    assert.equal(await client.heard(), "κόσμε 🧵");
  });

  const broken: readonly (readonly [what: string, code: number, frames: readonly Buffer[]])[] = [
    ["a frame without a mask", 1002, [clientFrame(text, "x", { isMasked: false })]],
    ["a reserved bit", 1002, [clientFrame(text, "x", { rsv: 1 })]],
    ["a compressed frame that was not agreed on", 1002, [clientFrame(text, "x", { rsv: 4 })]],
    ["an unknown opcode", 1002, [clientFrame(3, "x")]],
    ["an unknown control opcode", 1002, [clientFrame(11, "x")]],
    ["a continuation of nothing", 1002, [clientFrame(continuation, "x")]],
    ["a new message within another", 1002, [clientFrame(text, "x", { fin: false }), clientFrame(text, "y")]],
    ["a fragmented ping", 1002, [clientFrame(ping, "x", { fin: false })]],
    ["a ping of 126 bytes", 1002, [clientFrame(ping, "x".repeat(126))]],
    ["a close frame of one byte", 1002, [clientFrame(close, "x")]],
    ["a close code that is never sent", 1002, [clientFrame(close, closePayload(1005))]],
    ["a close code below 1000", 1002, [clientFrame(close, closePayload(999))]],
    ["text that is not UTF-8", 1007, [clientFrame(text, Buffer.of(0xc3, 0x28))]],
    ["text that ends within a character", 1007, [clientFrame(text, Buffer.of(0xe2, 0x82))]],
    ["a close reason that is not UTF-8", 1007, [clientFrame(close, Buffer.of(3, 232, 0xff))]],
    ["a message over the limit", 1009, [clientFrame(text, "x".repeat(1001))]],
    [
      "fragments over the limit",
      1009,
      [clientFrame(text, "x".repeat(600), { fin: false }), clientFrame(continuation, "x".repeat(600))],
    ],
    ["a length of 2^63", 1009, [Buffer.from([0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4])]],
    [
      "a flood of empty fragments",
      1008,
      [
        clientFrame(text, "", { fin: false }),
        ...Array.from({ length: 9 }, () => clientFrame(continuation, "", { fin: false })),
      ],
    ],
  ];
  for (const [what, code, frames] of broken) {
    test(`is closed with ${code} for ${what}`, async () => {
      const journal = new Journal<unknown>();
      await using server = await SocketServer.start(noted(journal, { messageBytes: 1000, fragments: 8 }));
      await using client = await server.connect();
      client.text("before");
      assert.equal(await client.heard(), "before");
      client.raw.write(Buffer.concat(frames));
      assert.equal((await client.closed())[0], code);
      await client.raw.ended();
      const [first, end] = await journal.whenLong(2);
      assert.equal(first, "before");
      assert.deepEqual([(end as { type: string }).type, (end as { code: number }).code], ["close", code]);
      client.raw.socket.end();
      await server.until(({ records }) => records.length === 1);
      assert.equal(server.records[0]!.socket?.code, code);
    });
  }

  for (const [code, reason] of [
    [1000, ""],
    [1001, "bye"],
    [3000, "κόσμε"],
    [4999, "x".repeat(123)],
  ] as const) {
    test(`answers a close with ${code}, and tells its actor`, async () => {
      const journal = new Journal<unknown>();
      await using server = await SocketServer.start(noted(journal));
      await using client = await server.connect();
      // What the actor answers comes too late: the client has said that it is over.
      client.text("last").send(close, closePayload(code, reason));
      assert.deepEqual(await client.closed(), [code, ""]);
      await client.raw.ended();
      assert.deepEqual(await journal.whenLong(2), ["last", { type: "close", code, reason }]);
    });
  }

  test("answers a close without a code by one without a code", async () => {
    const journal = new Journal<unknown>();
    await using server = await SocketServer.start(noted(journal));
    await using client = await server.connect();
    client.send(close);
    assert.deepEqual(await client.closed(), [1005, ""]);
    assert.deepEqual(await journal.whenLong(1), [{ type: "close", code: 1005, reason: "" }]);
  });

  test("reads nothing behind a close frame", async () => {
    const journal = new Journal<unknown>();
    await using server = await SocketServer.start(noted(journal));
    await using client = await server.connect();
    client.send(close, closePayload(1000)).text("too late");
    assert.deepEqual(await client.closed(), [1000, ""]);
    client.raw.socket.end();
    await server.until(({ open }) => open === 0);
    assert.deepEqual(journal.all, [{ type: "close", code: 1000, reason: "" }]);
  });

  for (const [how, leave] of [
    ["ends its side", (client: FrameClient) => client.raw.socket.end()],
    ["resets the connection", (client: FrameClient) => client.raw.socket.resetAndDestroy()],
  ] as const) {
    test(`ends with 1006 when its client ${how} without a close frame`, async () => {
      const journal = new Journal<unknown>();
      await using server = await SocketServer.start(noted(journal));
      await using client = await server.connect();
      client.text("hello");
      assert.equal(await client.heard(), "hello");
      leave(client);
      assert.deepEqual(await journal.whenLong(2), ["hello", { type: "close", code: 1006, reason: "" }]);
      await server.until(({ open }) => open === 0);
    });
  }

  test("waits for the client's answer when its actor closes it, and still hears what it says", async () => {
    const journal = new Journal<unknown>();
    const kind = socketActor(async (self, socket) => {
      socket.close(4000, "enough");
      assert.equal(await socket.send("too late"), "closed");
      for (;;) journal.add({ ...((await self.receive()) as object) });
    });
    await using server = await SocketServer.start(kind);
    await using client = await server.connect();
    assert.deepEqual(await client.closed(), [4000, "enough"]);
    client.send(close, closePayload(4000));
    await client.raw.ended();
    assert.deepEqual(await journal.whenLong(1), [{ type: "close", code: 4000, reason: "" }]);
  });

  test("is cut off if its client does not answer a close frame, or does not end the connection", async () => {
    const kind = socketActor((_self, socket) => socket.close());
    await using server = await SocketServer.start(kind);
    await using silent = await server.connect();
    assert.deepEqual(await silent.closed(), [1000, ""]);
    await using lingering = await server.connect();
    assert.deepEqual(await lingering.closed(), [1000, ""]);
    lingering.send(close, closePayload(1000));
    await lingering.raw.ended();
    assert.equal(server.open, 2);
    await server.pass(5000);
    await server.until(({ open }) => open === 0);
    await silent.raw.ended();
  });
});
