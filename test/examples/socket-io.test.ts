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
/** What is sent again is heard twice. */
const patient = { ackTimeout: 20_000 };

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

function copiesOf(shape: readonly string[]): number {
  const [, workers, , threads] = shape.length === 2 ? ["-w", "1", ...shape] : shape;
  return Number(workers) * Number(threads);
}

/** Half of the clients are in a room. What is said there reaches each of them once, and nobody else. What is shouted reaches all. */
async function talkInRooms(sockets: readonly Socket[], copies: number): Promise<void> {
  const heard = sockets.map(() => [] as string[]);
  const listeners = sockets.map((socket, i) => (text: string) => void heard[i]!.push(text));
  sockets.forEach((socket, i) => socket.on("said", listeners[i]!));
  const members = sockets.filter((_, i) => i % 2 === 0);
  for (const socket of members) await socket.emitWithAck("join", "lobby");
  for (const socket of sockets) {
    await socket.emitWithAck("say", "lobby", "hello");
    await socket.emitWithAck("shout", "hey");
  }
  const { length } = sockets;
  await until(
    () => heard.every((texts) => texts.filter((text) => text === "hey").length >= length),
    "all to hear what is shouted",
  );
  await until(() => heard.every((texts, i) => texts.length >= (i % 2 === 0 ? 2 : 1) * length), "the room to hear it");
  for (const [i, texts] of heard.entries())
    assert.equal(texts.filter((text) => text === "hello").length, i % 2 === 0 ? length : 0);
  sockets.forEach((socket, i) => socket.off("said", listeners[i]));
  const ids = new Set(members.map(({ id }) => id));
  // Copies that have just started or gone may not be known yet.
  await until(
    async () => {
      const told = (await sockets[1]!.emitWithAck("who", "lobby")) as string[];
      return told.length === ids.size && told.every((id) => ids.has(id));
    },
    `the members ${[...ids].join(", ")}`,
  );
  await until(async () => {
    const told = (await sockets[0]!.emitWithAck("copies")) as string[];
    return told.length === copies && new Set(told).size === copies;
  }, `${copies} copies to answer`);
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

  for (const shape of [
    ["-t", "3"],
    ["-w", "2", "-t", "1"],
    ["-w", "2", "-t", "2"],
  ] as const) {
    test(`has rooms with clients of all copies at ${shape.join(" ")}, before and after a reload`, async (t) => {
      const server = await serve(t, join(folder, "app.ts"), [...shape, "--sticky", "cookie"], { cwd: folder });
      const sockets = await connectAll(t, server.url, { withCredentials: true, ...patient });
      await talkInRooms(sockets, copiesOf(shape));
      const again = Promise.all(sockets.map((socket) => once(socket as never, "disconnect")));
      assert.equal((await runHeddle(["reload", "--control", server.control])).code, 0);
      await again;
      await until(() => sockets.every(({ connected }) => connected), "the clients to be connected again");
      await talkInRooms(sockets, copiesOf(shape));
    });
  }

  test("is soon complete again after a worker was killed", async (t) => {
    const flags = ["-w", "2", "-t", "1", "--sticky", "cookie"];
    const server = await serve(t, join(folder, "app.ts"), flags, { cwd: folder });
    const sockets = await connectAll(t, server.url, { withCredentials: true, ...patient });
    await talkInRooms(sockets, 2);
    process.kill((await server.status()).workers[0]!.pid, "SIGKILL");
    await server.waitForLog(/was killed by SIGKILL/);
    await server.waitForStatus(({ workers }) => workers.filter(({ state }) => state === "serving").length === 2);
    await until(() => sockets.every(({ connected }) => connected), "the clients to be connected again");
    await talkInRooms(sockets, 2);
  });

  test("loses nothing that a client sends during a reload", async (t) => {
    const server = await serve(t, join(folder, "app.ts"), ["-t", "3", "--sticky", "cookie"], { cwd: folder });
    const sockets = await connectAll(t, server.url, { withCredentials: true });
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
    const server = await serve(t, join(folder, "app.ts"), ["-w", "2", "--sticky", "cookie"], { cwd: folder });
    const { stdout } = await promisify(execFile)(process.execPath, ["client.ts", server.url], { cwd: folder });
    assert.match(stdout, /^bee hears "hello" from worker \d, thread 0$/m);
  });
});
