// Near the limit of open files connections wait, and none is cut. Each server here really has such a limit.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, test } from "node:test";
import { get, keep, lifeApp, serve, until } from "../server/arbiter/support.ts";
import { hasFfi } from "../support/ffi.ts";

/** More than a worker of three threads needs for itself. */
const LIMIT = 90;
/** More than two workers have room for. */
const CLIENTS = 150;

/** Threads and closed connections for so many clients take a while on a busy machine. */
const PATIENCE_MS = 60_000;

interface Client {
  readonly socket: Socket;
  text: string;
  error: NodeJS.ErrnoException | undefined;
}

interface Cleanup {
  after(done: () => void): void;
}

function open(t: Cleanup, port: number, head: string): Client {
  const socket = connect({ port, host: "127.0.0.1" });
  const client: Client = { socket, text: "", error: undefined };
  t.after(() => socket.destroy());
  socket.write(`${head} HTTP/1.1\r\nhost: x\r\n`);
  socket.setEncoding("utf8").on("data", (text: string) => (client.text += text));
  socket.on("error", (error: NodeJS.ErrnoException) => (client.error = error));
  return client;
}

function assertNoneCut(clients: readonly Client[]): void {
  for (const { socket, text, error } of clients) {
    assert.equal(error, undefined);
    assert.ok(text !== "" || !socket.closed, "closed without an answer");
  }
}

const skip = !hasFfi || process.platform !== "linux";

describe("near the limit of descriptors", { concurrency: 2, skip }, () => {
  for (const args of [
    ["-w", "1", "-t", "1"],
    ["-w", "1", "-t", "3"],
    ["-w", "2", "-t", "1"],
    ["-w", "2", "-t", "2"],
    ["-w", "2", "-t", "1", "--accept", "handoff"],
    ["-w", "1", "-t", "1", "-m", "tasks"],
    ["-w", "2", "-t", "1", "-m", "actors"],
  ]) {
    test(`requests in flight keep others waiting, and none is cut (${args.join(" ")})`, async (t) => {
      const server = await serve(t, lifeApp, [...args, "--keep-alive", "60s"], { descriptors: LIMIT });
      const clients = Array.from({ length: CLIENTS }, () => open(t, server.port, "POST /held"));
      for (const { socket } of clients) socket.write("content-length: 1\r\n\r\n");
      const { workers } = await server.waitForStatus((now) =>
        now.workers.every((worker) => worker.descriptors?.isFull === true),
      );
      for (const { descriptors } of workers) assert.ok(descriptors!.open < LIMIT, JSON.stringify(descriptors));
      const begun = (): Client[] => clients.filter(({ text }) => text.includes("begun"));
      assert.ok(begun().length < CLIENTS);
      await server.waitForLog(
        /has \d+ of its 90 file descriptors open, keeps 16 free .* New ones wait meanwhile\. Raise the limit: `ulimit -n`/,
      );
      assertNoneCut(clients);
      // Each that is done makes room for another one.
      const ended = new Set<Client>();
      await until(
        () => {
          for (const client of begun()) {
            if (!ended.has(client)) client.socket.end("x");
            ended.add(client);
          }
          return clients.every(({ text }) => text.includes("and done"));
        },
        "all to be answered",
        PATIENCE_MS,
      );
      assertNoneCut(clients);
      await server.waitForStatus((now) => now.workers.every((worker) => worker.descriptors?.isFull === false));
      assert.deepEqual((await server.status()).restarts, { workers: 0, threads: 0 });
    });
  }

  for (const args of [
    ["-w", "1", "-t", "1"],
    ["-w", "2", "-t", "2"],
    ["-w", "2", "-m", "sync"],
    ["-w", "1", "-t", "1:2", "-m", "threads"],
    ["-w", "1", "-t", "1:2", "-m", "thread-per-request"],
  ]) {
    // A thread for each takes a while.
    const [limit, number] = args.includes("thread-per-request") ? [72, 26] : [LIMIT, CLIENTS];
    test(`idle connections are closed for clients that wait (${args.join(" ")})`, async (t) => {
      const server = await serve(t, lifeApp, [...args, "--keep-alive", "60s", "--queue-timeout", "60s"], {
        descriptors: limit,
      });
      const clients = Array.from({ length: number }, () => open(t, server.port, "GET /"));
      for (const { socket } of clients) socket.write("\r\n");
      await until(() => clients.every(({ text }) => text.endsWith("ok")), "all to be answered", PATIENCE_MS);
      assertNoneCut(clients);
      assert.deepEqual((await server.status()).restarts, { workers: 0, threads: 0 });
    });
  }

  test("what the app takes counts as well: clients wait until it gives some back", async (t) => {
    const server = await serve(t, lifeApp, ["-w", "1", "-t", "1", "--keep-alive", "60s"], { descriptors: LIMIT });
    const keeper = await keep(server.url);
    assert.match(await keeper.ask("/take-descriptors"), /taken$/);
    await server.waitForStatus(({ workers }) => workers[0]!.descriptors?.isFull === true);
    const clients = Array.from({ length: 20 }, () => open(t, server.port, "GET /"));
    for (const { socket } of clients) socket.write("\r\n");
    await Promise.all(clients.map(({ socket }) => once(socket, "connect")));
    await server.waitForLog(/accepts no connection until others end/);
    const status = await server.status();
    assert.equal(status.workers[0]!.threads[0]!.connections, 1);
    assert.match(await keeper.ask("/give-descriptors"), /given$/);
    await until(() => clients.every(({ text }) => text.endsWith("ok")), "all to be answered", PATIENCE_MS);
    assertNoneCut(clients);
  });

  test("a worker that is full leaves connections to one that is not", async (t) => {
    const server = await serve(t, lifeApp, ["-w", "2", "-t", "1", "--keep-alive", "60s"], { descriptors: LIMIT });
    const keeper = await keep(server.url);
    const taker = /x-worker: (\d+)/.exec(await keeper.ask("/take-descriptors"))![1]!;
    await server.waitForStatus(({ workers }) => workers.some(({ descriptors }) => descriptors?.isFull === true));
    for (let i = 0; i < 20; i++) assert.notEqual((await get(server.url)).headers["x-worker"], taker);
  });

  test("a server whose limit leaves nothing to keep free serves one client after the other", async (t) => {
    const server = await serve(t, lifeApp, ["-w", "1", "-t", "1", "--keep-alive", "60s"], { descriptors: LIMIT });
    const keeper = await keep(server.url);
    // For its listening socket, a log line, and one connection: fewer than it keeps free.
    await keeper.ask("/take-descriptors?leave=4");
    keeper.socket.destroy();
    await server.waitForStatus(({ workers }) => workers[0]!.threads[0]!.connections === 0);
    const client = open(t, server.port, "GET /give-descriptors");
    client.socket.write("\r\n");
    await until(() => client.text.endsWith("given"), "an answer");
  });

  test("the arbiter accepts nothing while it lacks descriptors, and what waits is served afterwards", async (t) => {
    const server = await serve(t, lifeApp, ["-w", "2", "-m", "sync"], { descriptors: LIMIT });
    const clients = Array.from({ length: CLIENTS }, () => open(t, server.port, "POST /held"));
    for (const { socket } of clients) socket.write("content-length: 1\r\n\r\n");
    await server.waitForStatus(({ descriptors }) => descriptors?.isFull === true);
    await server.waitForLog(/the arbiter \(\d+\) has \d+ of its 90 file descriptors open/);
    const ended = new Set<Client>();
    await until(
      () => {
        for (const client of clients) {
          if (!client.text.includes("begun") || ended.has(client)) continue;
          client.socket.end("x");
          ended.add(client);
        }
        return clients.every(({ text }) => text.includes("and done"));
      },
      "all to be answered",
      PATIENCE_MS,
    );
    assertNoneCut(clients);
  });
});
