/** How much a socket holds of what comes and what goes, and how long a client may take. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { constants, deflateRawSync } from "node:zlib";
import type { SocketProcess } from "../../../../src/server/sockets/running/socket-process.ts";
import { hasFfi } from "../../../support/ffi.ts";
import { send } from "../../../../src/actors/index.ts";
import { type SendOutcome, socketActor, type SocketOptions } from "../../../../src/index.ts";
import { clientFrame, closePayload, type FrameClient, OPCODE } from "../../../support/frame-client.ts";
import { Journal, SocketServer } from "../support.ts";

const { text, ping, close } = OPCODE;

const MESSAGE = "x".repeat(64 * 1024);
/** More than the kernel holds for a client that does not read. */
const FLOOD = 1000;

/** Begins when it is told, and notes the outcome of each `send`. */
function flooding(
  journal: Journal<SendOutcome>,
  options: SocketOptions,
  more: (outcome: SendOutcome) => boolean,
): ReturnType<typeof socketActor> {
  return socketActor(async (self, socket) => {
    await self.receive();
    for (let i = 0; i < FLOOD; i++) {
      const outcome = await socket.send(MESSAGE);
      journal.add(outcome);
      if (!more(outcome)) return;
    }
  }, options);
}

async function readAll(client: FrameClient): Promise<number> {
  for (let messages = 0; ; messages++) {
    const frame = await client.frame();
    if (frame === undefined || frame.opcode === close) return messages;
  }
}

describe("a client that does not read", () => {
  test("holds up an actor that awaits its sends, and gets all of them when it reads", async () => {
    const journal = new Journal<SendOutcome>();
    await using server = await SocketServer.start(flooding(journal, { sendBytes: 100_000 }, () => true));
    await using client = await server.connect();
    client.text("go");
    let last = -1;
    // Until it stands still.
    while (journal.all.length > last || last <= 0) {
      last = journal.all.length;
      for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(last < FLOOD, `${last} messages were sent`);
    assert.ok(server.streams[0]!.writableLength < 300_000);
    assert.equal(await readAll(client), FLOOD);
    assert.ok(journal.all.every((outcome) => outcome === "sent"));
  });

  test("is closed with 1013 if nobody awaits", async () => {
    const outcomes = new Journal<SendOutcome>();
    const kind = socketActor(
      async (self, socket) => {
        await self.receive();
        const sending = Array.from({ length: FLOOD }, () => socket.send(MESSAGE));
        for (const outcome of await Promise.all(sending)) outcomes.add(outcome);
      },
      { sendBytes: 100_000 },
    );
    await using server = await SocketServer.start(kind);
    await using client = await server.connect();
    client.text("go");
    await outcomes.whenLong(FLOOD);
    assert.equal(outcomes.all.at(-1), "closed");
    assert.ok(server.streams[0]!.writableLength < 600_000);
    assert.deepEqual(await client.closed(), [1013, "the client reads too slowly"]);
  });

  test("misses messages, if that is chosen, and they are counted", async () => {
    const journal = new Journal<SendOutcome>();
    const options: SocketOptions = { sendBytes: 100_000, whenSlow: "drop" };
    await using server = await SocketServer.start(flooding(journal, options, () => true));
    await using client = await server.connect();
    client.text("go");
    await journal.whenLong(FLOOD);
    const dropped = journal.all.filter((outcome) => outcome === "dropped").length;
    assert.ok(dropped > 0);
    assert.equal(await readAll(client), FLOOD - dropped);
    client.send(close, closePayload(1000)).raw.socket.end();
    await server.until(({ open }) => open === 0);
    const { sent, received, dropped: counted } = server.records[0]!.socket!;
    assert.deepEqual([sent, received, counted], [FLOOD - dropped, 1, dropped]);
  });

  test("is closed with 1013, if that is chosen", async () => {
    const journal = new Journal<SendOutcome>();
    const options: SocketOptions = { sendBytes: 100_000, whenSlow: "close" };
    await using server = await SocketServer.start(flooding(journal, options, (outcome) => outcome === "sent"));
    await using client = await server.connect();
    client.text("go");
    assert.deepEqual(await client.closed(), [1013, "the client reads too slowly"]);
    assert.equal(journal.all.at(-1), "closed");
  });

  test("and pings gets no answers that pile up", async () => {
    const kind = socketActor(
      async (self, socket) => {
        await self.receive();
        for (let i = 0; i < FLOOD && (await socket.send(MESSAGE)) !== "dropped"; i++);
        await self.receive();
      },
      { sendBytes: 100_000, whenSlow: "drop" },
    );
    await using server = await SocketServer.start(kind);
    await using client = await server.connect();
    client.text("go");
    await server.until(() => server.streams[0]!.writableLength >= 0);
    while (server.streams[0]!.writableLength < 100_000) await new Promise((resolve) => setImmediate(resolve));
    const { writableLength: before, bytesRead } = server.streams[0]!;
    for (let i = 0; i < 100; i++) client.send(ping, "p".repeat(100));
    while (server.streams[0]!.bytesRead < bytesRead + 10_000) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(server.streams[0]!.writableLength <= before);
  });

  test("is cut off when the kernel has taken nothing for as long as the write timeout", async () => {
    const journal = new Journal<SendOutcome>();
    const kind = flooding(
      journal,
      { sendBytes: 100_000, whenSlow: "drop", pingMs: 0 },
      (outcome) => outcome === "sent",
    );
    await using server = await SocketServer.start(kind, { writeTimeoutMs: 3000 });
    await using client = await server.connect();
    client.text("go");
    while (journal.all.at(-1) !== "dropped") await journal.whenLong(journal.all.length + 1);
    // Its actor has returned, so a close frame waits too. That has its own limit of time.
    await server.pass(1000);
    await server.pass(5000);
    await server.until(({ open }) => open === 0);
  });
});

describe("a client that reads slowly", () => {
  /** Sends more than the kernel holds, and says so. `by`: whether the server begins to close. */
  const sending = (
    sent: Journal<true>,
    by: "server" | "client",
    options: SocketOptions,
  ): ReturnType<typeof socketActor> =>
    socketActor(
      async (self, socket) => {
        await self.receive();
        for (let i = 0; i < FLOOD; i++) void socket.send(MESSAGE);
        if (by === "server") socket.close(1000);
        sent.add(true);
        await self.receive();
      },
      { sendBytes: MESSAGE.length * FLOOD * 2, pingMs: 0, ...options },
    );

  for (const [what, by, options] of [
    ["when its socket closes", "server", {}],
    ["when its socket closes, with compression", "server", { deflate: { thresholdBytes: 2 ** 30 } }],
    ["when it has closed the socket itself", "client", {}],
  ] as const) {
    test(`gets all that was sent before, ${what}`, async () => {
      const sent = new Journal<true>();
      await using server = await SocketServer.start(sending(sent, by, options), { writeTimeoutMs: 10_000 });
      const offer = "deflate" in options ? ["sec-websocket-extensions: permessage-deflate"] : [];
      await using client = await server.connect("/", offer);
      client.text("go");
      await sent.whenLong(1);
      if (by === "client") {
        const stream = server.streams[0]!;
        const { bytesRead } = stream;
        client.send(close, closePayload(1000));
        while (stream.bytesRead === bytesRead) await new Promise((resolve) => setImmediate(resolve));
      }
      for (let seconds = 0; seconds < 30; seconds += 3) {
        server.takenBytes++;
        await server.pass(3000);
      }
      let messages = 0;
      let frame = await client.frame();
      for (; frame?.opcode === text; frame = await client.frame()) messages++;
      assert.equal(messages, FLOOD);
      assert.deepEqual(frame?.payload, closePayload(1000));
    });
  }

  test("is cut off if it takes nothing for as long as the write timeout while its socket closes", async () => {
    const sent = new Journal<true>();
    await using server = await SocketServer.start(sending(sent, "server", {}), { writeTimeoutMs: 10_000 });
    await using client = await server.connect();
    client.text("go");
    await sent.whenLong(1);
    for (let seconds = 0; seconds < 10; seconds++) await server.pass(1000);
    assert.ok(!server.streams[0]!.destroyed);
    // The last time that it took something was at the first look.
    for (let seconds = 0; seconds < 6; seconds++) await server.pass(1000);
    await server.until(({ open }) => open === 0);
  });
});

describe("an actor that does not receive", () => {
  for (const [limit, options, count, size] of [
    ["messages", { unreadMessages: 10 }, 2000, 1],
    ["bytes", { unreadBytes: 10_000 }, 2000, 1000],
  ] as const) {
    test(`has its socket not read beyond so many ${limit}, and receives all in the end`, async () => {
      const sizes = new Journal<number>();
      const go = Promise.withResolvers<void>();
      const kind = socketActor(async (self) => {
        await go.promise;
        for (;;) {
          const message = await self.receive();
          if (typeof message === "string") sizes.add(message.length);
        }
      }, options);
      await using server = await SocketServer.start(kind);
      await using client = await server.connect();
      // Each its own packet, so that the limit is seen between two.
      for (let i = 0; i < count; i++) client.text("x".repeat(size));
      const [stream] = server.streams;
      while (!stream!.isPaused()) await new Promise((resolve) => setImmediate(resolve));
      const read = stream!.bytesRead;
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      assert.ok(stream!.isPaused());
      assert.ok(stream!.bytesRead - read < 200_000);
      go.resolve();
      await sizes.whenLong(count);
      assert.ok(sizes.all.every((each) => each === size));
      assert.equal(sizes.all.length, count);
    });
  }

  test("has no more inflated messages than the limit of bytes, and receives all in the end", async () => {
    const sizes = new Journal<number>();
    let unread = (): number => 0;
    const go = Promise.withResolvers<void>();
    const kind = socketActor(
      async (self) => {
        unread = () => (self as unknown as SocketProcess).unread;
        await go.promise;
        for (;;) {
          const message = await self.receive();
          if (typeof message === "string") sizes.add(message.length);
        }
      },
      { unreadBytes: 100_000, unreadMessages: 1_000_000, deflate: true },
    );
    await using server = await SocketServer.start(kind);
    await using client = await server.connect("/", ["sec-websocket-extensions: permessage-deflate"]);
    const size = 50_000;
    const small = deflateRawSync("x".repeat(size), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
    const count = 400;
    // As one piece, of which everything could be inflated at once.
    client.raw.write(Buffer.concat(Array.from({ length: count }, () => clientFrame(text, small, { rsv: 4 }))));
    let last = -1;
    // Until it stands still.
    while (unread() > last || last <= 0) {
      last = unread();
      for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(last * size < 500_000, `${last} messages of ${size} bytes wait`);
    go.resolve();
    await sizes.whenLong(count);
    assert.ok(sizes.all.every((each) => each === size));
  });

  test("hears of the end although its socket was not read", async () => {
    const journal = new Journal<unknown>();
    const go = Promise.withResolvers<void>();
    const kind = socketActor(
      async (self) => {
        await go.promise;
        for (;;) journal.add(await self.receive());
      },
      { unreadMessages: 1 },
    );
    await using server = await SocketServer.start(kind);
    await using client = await server.connect();
    client.raw.write(
      Buffer.concat([clientFrame(text, "a"), clientFrame(text, "b"), clientFrame(close, closePayload(1000))]),
    );
    go.resolve();
    const [a, b, end] = await journal.whenLong(3);
    assert.deepEqual([a, b, (end as { code: number }).code], ["a", "b", 1000]);
  });
});

describe("an actor that leaves messages of others unread", () => {
  for (const [limit, options] of [
    ["messages", { unreadMessages: 1 }],
    ["bytes", { unreadBytes: 1000 }],
  ] as const) {
    test(`has its socket read on, however much of its client it has read: ${limit}`, async () => {
      const journal = new Journal<string>();
      const kind = socketActor<{ readonly news: number }>(async (self) => {
        for (let news = 0; news < 5; news++) send(self.pid, { news });
        for (;;) journal.add(await self.receive((message): message is string => typeof message === "string"));
      }, options);
      await using server = await SocketServer.start(kind);
      await using client = await server.connect();
      for (let i = 1; i <= 20; i++) {
        client.text("x".repeat(100));
        await journal.whenLong(i);
      }
    });
  }
});

test("a client that sends on after a close frame has its answer read, though its actor reads nothing", async () => {
  const kind = socketActor(
    async (self, socket) => {
      await self.receive();
      socket.close(4000, "enough");
      await new Promise(() => {});
    },
    { unreadMessages: 4, messagesPerSecond: 5 },
  );
  await using server = await SocketServer.start(kind);
  await using client = await server.connect();
  client.text("go");
  assert.deepEqual(await client.closed(), [4000, "enough"]);
  const [stream] = server.streams;
  for (let i = 0; i < 10; i++) {
    const { bytesRead } = stream!;
    client.text("more");
    while (stream!.bytesRead === bytesRead) await new Promise((resolve) => setImmediate(resolve));
  }
  client.send(close, closePayload(4000)).raw.socket.end();
  await server.until(({ open }) => open === 0);
});

describe("a client that dies while its socket is not read", () => {
  const neverReads = (options: SocketOptions): ReturnType<typeof socketActor> =>
    socketActor(() => new Promise(() => {}), { unreadMessages: 1, ...options });

  async function heldUp(server: SocketServer): Promise<FrameClient> {
    const client = await server.connect();
    client.text("a").text("b");
    while (!server.streams[0]!.isPaused()) await new Promise((resolve) => setImmediate(resolve));
    return client;
  }

  test("is noticed if its connection is reset", { skip: !hasFfi }, async () => {
    await using server = await SocketServer.start(neverReads({ pingMs: 0 }));
    const client = await heldUp(server);
    client.raw.socket.resetAndDestroy();
    while (server.open > 0) {
      await server.pass(1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(server.records[0]!.socket!.code, 1006);
  });

  test("is noticed if its kernel acknowledges nothing any more", async () => {
    await using server = await SocketServer.start(neverReads({ pingMs: 1000 }));
    await using client = await heldUp(server);
    assert.equal(client.answer.status, 101);
    await server.pass(1000);
    server.unacknowledgedMs = 900;
    await server.pass(900);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(server.open, 1);
    await server.pass(1000);
    server.unacknowledgedMs = 1000;
    await server.pass(1000);
    await server.until(({ open }) => open === 0);
  });

  test("is kept as long as its kernel acknowledges, or does not tell", async () => {
    for (const unacknowledgedMs of [0, undefined]) {
      await using server = await SocketServer.start(neverReads({ pingMs: 1000 }));
      await using client = await heldUp(server);
      assert.equal(client.answer.status, 101);
      server.unacknowledgedMs = unacknowledgedMs;
      for (let second = 0; second < 10; second++) await server.pass(1000);
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(server.open, 1);
    }
  });
});

test("a client that goes away while its message is inflated harms nobody", async () => {
  const kind = socketActor((self) => self.receive(), { deflate: true });
  await using server = await SocketServer.start(kind);
  const large = deflateRawSync("x".repeat(1_000_000), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  for (let round = 0; round < 20; round++) {
    const client = await server.connect("/", ["sec-websocket-extensions: permessage-deflate"]);
    const stream = server.streams.at(-1)!;
    const { bytesRead } = stream;
    client.raw.write(clientFrame(text, large, { rsv: 4 }));
    while (stream.bytesRead === bytesRead) await new Promise((resolve) => setImmediate(resolve));
    for (let turn = 0; turn < round; turn++) await new Promise((resolve) => setImmediate(resolve));
    stream.destroy();
    await server.until(({ open }) => open === 0);
  }
  // What was being inflated.
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
});

describe("the rate of a client", () => {
  test("is limited by not reading its socket until the second is over", async () => {
    const journal = new Journal<unknown>();
    const kind = socketActor(
      async (self) => {
        for (;;) journal.add(await self.receive());
      },
      { messagesPerSecond: 5 },
    );
    await using server = await SocketServer.start(kind);
    await using client = await server.connect();
    client.raw.write(Buffer.concat(Array.from({ length: 5 }, () => clientFrame(text, "a"))));
    await journal.whenLong(5);
    assert.ok(server.streams[0]!.isPaused());
    client.text("b");
    await server.pass(999);
    assert.equal(journal.all.length, 5);
    await server.pass(1000);
    await journal.whenLong(6);
  });
});

test("the rate of a client is the same when the clock does not tick with the seconds", async () => {
  const journal = new Journal<unknown>();
  const kind = socketActor(
    async (self) => {
      for (;;) journal.add(await self.receive());
    },
    { messagesPerSecond: 10, pingMs: 3000 },
  );
  await using server = await SocketServer.start(kind);
  await using client = await server.connect();
  client.raw.write(Buffer.concat(Array.from({ length: 30 }, () => clientFrame(text, "a"))));
  await journal.whenLong(30);
  client.text("b");
  for (let tick = 0; tick < 4; tick++) await server.pass(750);
  await journal.whenLong(31);
});

describe("a client that sends many small messages at once", () => {
  test("is read again when the seconds are over that they take at its rate", async () => {
    const journal = new Journal<unknown>();
    const kind = socketActor(
      async (self) => {
        for (;;) journal.add(await self.receive());
      },
      { messagesPerSecond: 5 },
    );
    await using server = await SocketServer.start(kind);
    await using client = await server.connect();
    client.raw.write(Buffer.concat(Array.from({ length: 20 }, () => clientFrame(text, "a"))));
    await journal.whenLong(20);
    for (let second = 0; second < 3; second++) {
      await server.pass(1000);
      assert.ok(server.streams[0]!.isPaused(), `second ${second}`);
    }
    client.text("b");
    await server.pass(1000);
    await server.pass(1000);
    await journal.whenLong(21);
  });
});

test("an actor may give away the memory of a message while the next one is still being read", async () => {
  const journal = new Journal<string>();
  const kind = socketActor(async (self) => {
    for (;;) {
      const message = await self.receive();
      if (!(message instanceof Uint8Array)) return;
      const { buffer, byteOffset, byteLength } = message;
      const taken = structuredClone(buffer, { transfer: [buffer] });
      journal.add(Buffer.from(taken, byteOffset, byteLength).toString());
    }
  });
  await using server = await SocketServer.start(kind);
  const second = clientFrame(OPCODE.binary, "second");
  await using client = await server.connect("/", [], undefined);
  client.raw.write(Buffer.concat([clientFrame(OPCODE.binary, "f".repeat(1000)), second.subarray(0, 8)]));
  await journal.whenLong(1);
  client.raw.write(second.subarray(8));
  assert.deepEqual(await journal.whenLong(2), ["f".repeat(1000), "second"]);
});
