/** Quiet clients: pings, and the idle timeout. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ActorSocket, socketActor, type SocketOptions } from "../../../../src/index.ts";
import { OPCODE } from "../../../support/frame-client.ts";
import { SocketServer } from "../support.ts";

const { ping, pong } = OPCODE;

/** As the server's clock: what is sent from here is read only after the next look at the time. */
function inTimer(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve));
}

describe("a quiet client", () => {
  const waits = (options: SocketOptions): ReturnType<typeof socketActor> =>
    socketActor(async (self, socket: ActorSocket) => {
      for (;;) void socket.send(await self.receive());
    }, options);

  test("gets a ping, and is cut off when it does not answer", async () => {
    await using server = await SocketServer.start(waits({ pingMs: 1000 }));
    await using client = await server.connect();
    client.text("a");
    assert.equal(await client.heard(), "a");
    await server.pass(999);
    await server.pass(250);
    assert.equal((await client.frame())!.opcode, ping);
    const { bytesRead } = server.streams[0]!;
    client.send(pong);
    while (server.streams[0]!.bytesRead === bytesRead) await new Promise((resolve) => setImmediate(resolve));
    await server.pass(1000);
    assert.equal((await client.frame())!.opcode, ping);
    await server.pass(1000);
    await server.until(({ open }) => open === 0);
    assert.equal(server.records[0]!.socket!.code, 1006);
  });

  test("is not cut off because the thread was blocked: it gets its ping first", async () => {
    await using server = await SocketServer.start(waits({ pingMs: 1000 }));
    await using client = await server.connect();
    client.text("a");
    assert.equal(await client.heard(), "a");
    await server.pass(10_000);
    assert.equal((await client.frame())!.opcode, ping);
    assert.equal(server.open, 1);
  });

  test("is heard before it is judged when its thread was blocked: its answer, and its messages", async () => {
    await using server = await SocketServer.start(waits({ pingMs: 1000, idleMs: 5000 }));
    await using client = await server.connect();
    client.text("a");
    assert.equal(await client.heard(), "a");
    await server.pass(1000);
    assert.equal((await client.frame())!.opcode, ping);
    await inTimer();
    client.send(pong);
    await server.pass(1000);
    client.text("b");
    assert.equal(await client.heard(), "b");
    await inTimer();
    client.text("c");
    await server.pass(5000);
    assert.equal(await client.heard(), "c");
  });

  test("has its whole time to answer, however long its thread was blocked before", async () => {
    await using server = await SocketServer.start(waits({ pingMs: 1000 }));
    await using client = await server.connect();
    client.text("a");
    assert.equal(await client.heard(), "a");
    await server.pass(60_000);
    assert.equal((await client.frame())!.opcode, ping);
    await server.pass(250);
    assert.ok(!server.streams[0]!.destroyed);
    await server.pass(750);
    await server.until(({ open }) => open === 0);
  });

  test("is closed with 1000 when there was no message for so long, pongs or not", async () => {
    await using server = await SocketServer.start(waits({ pingMs: 1000, idleMs: 3000 }));
    await using client = await server.connect();
    client.text("a");
    assert.equal(await client.heard(), "a");
    for (let i = 0; i < 2; i++) {
      await server.pass(1000);
      assert.equal((await client.frame())!.opcode, ping);
      const { bytesRead } = server.streams[0]!;
      client.send(pong);
      while (server.streams[0]!.bytesRead === bytesRead) await new Promise((resolve) => setImmediate(resolve));
    }
    await server.pass(1000);
    assert.deepEqual(await client.closed(), [1000, "idle"]);
  });
});
