/** The example 24-socket-io with Socket.IO's own client, which begins with polling and then upgrades. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { io, type Socket } from "socket.io-client";
import { type Cleanup, serve, until } from "../server/arbiter/support.ts";
import { runHeddle } from "../support/server.ts";

const folder = fileURLToPath(new URL("../../examples/24-socket-io/", import.meta.url));
const CLIENTS = 6;
/** A busy machine may take long for an answer, and then a client sends again. */
const options = { forceNew: true, retries: 60, ackTimeout: 2000, reconnectionDelay: 20, reconnectionDelayMax: 100 };

async function connectAll(t: Cleanup, url: string, more: object): Promise<readonly Socket[]> {
  const sockets = Array.from({ length: CLIENTS }, () => io(url, { ...options, ...more }));
  t.after(() => {
    for (const socket of sockets) socket.close();
  });
  const refused: string[] = [];
  for (const socket of sockets) socket.io.engine.on("error", (error) => refused.push(String(error)));
  const upgraded = sockets.map(async (socket) => {
    const { engine } = socket.io;
    if (engine.transport.name !== "websocket") await new Promise<void>((done) => engine.once("upgrade", () => done()));
    await until(() => socket.connected, "the client to be connected");
  });
  await Promise.all(upgraded);
  assert.deepEqual(refused, []);
  return sockets;
}

describe("24-socket-io", { concurrency: 2 }, () => {
  for (const shape of [
    ["-t", "2"],
    ["-w", "2", "-t", "1"],
    ["-w", "2", "-t", "2"],
  ] as const) {
    for (const [sticky, more] of [
      ["cookie", { withCredentials: true }],
      ["ip", {}],
    ] as const) {
      test(`connects ${CLIENTS} of ${CLIENTS} clients at ${shape.join(" ")} by ${sticky}`, async (t) => {
        const server = await serve(t, join(folder, "app.ts"), [...shape, "--sticky", sticky], { cwd: folder });
        const sockets = await connectAll(t, server.url, more);
        await Promise.all(sockets.map((socket) => socket.emitWithAck("say", "nobody", "hello")));
      });
    }
  }

  test("has rooms with clients of several threads, and loses nothing that a client sends during a reload", async (t) => {
    const server = await serve(t, join(folder, "app.ts"), ["-t", "3", "--sticky", "cookie"], { cwd: folder });
    const sockets = await connectAll(t, server.url, { withCredentials: true });
    const copies = await Promise.all(sockets.map((socket) => socket.emitWithAck("join", "lobby") as Promise<string>));
    assert.ok(new Set(copies).size > 1, `all are on ${copies[0]}`);
    const heard = Promise.all(sockets.map((socket) => once(socket as never, "said")));
    await sockets[0]!.emitWithAck("say", "lobby", "hello");
    for (const [text, copy] of await heard) assert.deepEqual([text, copy], ["hello", copies[0]]);

    const dropped = Promise.all(sockets.map((socket) => once(socket as never, "disconnect")));
    const load = { isOver: false };
    let sent = 0;
    const talking = Promise.all(
      sockets.map(async (socket) => {
        while (!load.isOver) {
          await socket.emitWithAck("say", "lobby", `message ${sent}`);
          sent++;
        }
      }),
    );
    assert.equal((await runHeddle(["reload", "--control", server.control])).code, 0);
    for (const [why] of await dropped) assert.equal(why, "transport close");
    const before = sent;
    await until(() => sent > before + 20, "messages after the reload");
    load.isOver = true;
    await talking;
    assert.ok(sockets.every(({ connected }) => connected));
  });

  test("its client hears what its README says", async (t) => {
    const server = await serve(t, join(folder, "app.ts"), ["-t", "4", "--sticky", "cookie"], { cwd: folder });
    const { stdout } = await promisify(execFile)(process.execPath, ["client.ts", server.url], { cwd: folder });
    assert.match(stdout, /^bee hears "hello" from thread \d$/m);
  });
});
