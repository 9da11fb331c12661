import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { get, hold, lifeApp, serve, tempFolder, until, workersOf } from "../server/arbiter/support.ts";
import { leaveDescriptors } from "../support/descriptors.ts";
import { hasFfi } from "../support/ffi.ts";
import { runHeddle } from "../support/server.ts";

const BURST = 60;
const FULL = /has \d+ of its \d+ file descriptors open, keeps \d+ free .*, and accepts no connection until others end/;

/** Without node:ffi nobody can stop accepting. */
const CUT = /has no file descriptors left: .* new connections are closed without an answer/;

/** Connections with a request each that stay when it is answered; `closed` are those that got no answer. */
function burst(
  t: { after(done: () => void): void },
  port: number,
  size: number = BURST,
): { answered: Set<Socket>; closed: Set<Socket> } {
  const answered = new Set<Socket>();
  const closed = new Set<Socket>();
  for (let i = 0; i < size; i++) {
    const socket = connect({ port, host: "127.0.0.1" });
    t.after(() => socket.destroy());
    socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    socket.on("data", () => answered.add(socket));
    socket.on("error", () => {});
    socket.on("close", () => closed.add(socket));
  }
  return { answered, closed };
}

async function answersAgain(url: string): Promise<void> {
  const isAnswered = (): Promise<boolean> =>
    get(url).then(
      ({ body }) => body === "ok",
      () => false,
    );
  await until(isAnswered, "an answer");
}

describe("without descriptors", { concurrency: 2 }, () => {
  for (const model of ["loop", "threads"]) {
    test(`a worker (${model}) whose limit is lowered keeps what it has, says so, lives, and serves what waits when others end`, async (t) => {
      const server = await serve(t, lifeApp, ["-t", "1", "-m", model]);
      const [pid] = workersOf(server.pid);
      const held = await hold(t, server);
      leaveDescriptors(pid!, 8);
      // It has looked at its limit before more clients come.
      if (hasFfi) await server.waitForLog(FULL);
      const { answered, closed } = burst(t, server.port, 20);
      if (!hasFfi) await server.waitForLog(CUT);
      assert.equal((await server.status()).workers[0]!.pid, pid);
      assert.equal(await held.finish(), "begun and done");
      // Its reserve is not free, so it takes one at a time, and each time looks for room first.
      const areAnswered = (): boolean => {
        for (const socket of answered) socket.end();
        return (hasFfi ? answered : answered.union(closed)).size === 20;
      };
      await until(areAnswered, "all to be answered", 60_000);
      const cut = closed.difference(answered);
      assert.equal(cut.size > 0, !hasFfi, `${cut.size} were closed without an answer`);
      await answersAgain(server.url);
      const { restarts, workers } = await server.waitForStatus(({ ready }) => ready);
      assert.deepEqual(restarts, { workers: 0, threads: 0 }, server.output(0));
      assert.equal(workers[0]!.pid, pid);
    });
  }

  test("a worker that needs new threads tries again until there are some", async (t) => {
    const server = await serve(t, lifeApp, ["-t", "1:4", "-m", "thread-per-request"]);
    // One for the connection, and one by way of which it may be transferred. A thread needs five.
    const restore = leaveDescriptors(workersOf(server.pid)[0]!, 2);
    // It takes the spare thread. The next one is started while that has it.
    const held = await hold(t, server);
    await server.waitForLog(/a handler thread of thread-per-request did not boot: .*(EMFILE|too many open files)/);
    assert.equal(await held.finish(), "begun and done");
    restore();
    await answersAgain(server.url);
    assert.equal((await server.waitForStatus(({ ready }) => ready)).restarts.workers, 0);
  });

  if (hasFfi) {
    test("the arbiter does not keep workers that accept by themselves from serving", async (t) => {
      const server = await serve(t, lifeApp, ["-w", "2", "-t", "1", "--debug-headers"]);
      const restore = leaveDescriptors(server.pid, 0);
      const clients: Socket[] = [];
      // More than its share of them: what one worker passes on to the other never gets there, and is served where it is.
      for (let round = 0; round < 5; round++) {
        const { answered, closed } = burst(t, server.port);
        await until(() => answered.size + closed.size === BURST, "all to be answered");
        assert.equal(closed.size, 0);
        clients.push(...answered);
      }
      restore();
      for (const client of clients) client.destroy();
      await server.waitForStatus(({ workers }) =>
        workers.every(({ threads }) => threads.every(({ connections }) => connections === 0)),
      );
      assert.deepEqual((await server.status()).restarts, { workers: 0, threads: 0 });
    });
  }

  for (const args of [
    ["-w", "2", "-t", "2", "--accept", "handoff"],
    ["-w", "2", "-m", "sync"],
  ]) {
    test(`what is handed to a worker goes to another one (${args.join(" ")})`, async (t) => {
      const server = await serve(t, lifeApp, [...args, "--debug-headers"]);
      const [poor, rich] = (await server.status()).workers.map(({ pid }) => pid);
      const restore = leaveDescriptors(poor!, 0);
      for (let i = 0; i < 20; i++) {
        const { body, headers } = await get(server.url);
        assert.equal(body, "ok");
        assert.equal(headers["x-heddle-worker"], `${rich}`);
      }
      restore();
      await until(
        async () => (await get(server.url)).headers["x-heddle-worker"] === `${poor}`,
        "the worker to be used again",
      );
      assert.deepEqual((await server.status()).restarts, { workers: 0, threads: 0 }, server.output(0));
    });
  }

  test("the arbiter keeps its workers, refuses to reload and says why; a worker that died is replaced afterwards", async (t) => {
    const server = await serve(t, lifeApp, ["-w", "2", "-t", "1", "--accept", "handoff"]);
    const before = await server.status();
    const [lost, kept] = before.workers.map(({ pid }) => pid);
    const restore = leaveDescriptors(server.pid, 0);
    if (hasFfi) await server.waitForLog(FULL);
    const { answered, closed } = burst(t, server.port);
    if (!hasFfi) {
      await until(() => closed.size === BURST, "all to be closed");
      await server.waitForLog(CUT);
    }
    const asked = await runHeddle(["status", "--control", server.control]);
    if (hasFfi)
      assert.match(asked.stdout, /descriptors: arbiter \d+ is FULL, with \d+ of \d+ open; new connections wait/);
    server.signal("SIGHUP");
    await server.waitForLog(
      /"hint":"Generation 1 keeps serving\.".*generation 2 did not get ready: worker could not be started: .* EMFILE/,
    );
    process.kill(lost!, "SIGKILL");
    await server.waitForLog(/the new worker did not boot: worker could not be started: .*EMFILE/);
    assert.deepEqual([answered.size, closed.size], [0, hasFfi ? 0 : BURST]);
    restore();
    await until(() => answered.size + closed.size === BURST, "all to be answered");
    assert.equal(closed.size, hasFfi ? 0 : BURST);
    const after = await server.waitForStatus(
      ({ workers }) => workers.filter(({ state }) => state === "serving").length === 2,
    );
    assert.equal(after.generation, before.generation);
    assert.ok(after.workers.some(({ pid }) => pid === kept));
    assert.ok(!after.workers.some(({ pid }) => pid === lost));
    await answersAgain(server.url);
    server.signal("SIGHUP");
    await server.waitForStatus(({ generation }) => generation === before.generation + 1);
  });
});

test("without threads a worker tries again until there may be one more", async (t) => {
  const folder = tempFolder(t);
  const file = join(folder, "refuse");
  const { pathname: refusal } = new URL("../fixtures/threads-refused.ts", import.meta.url);
  // Preloads run on the app's threads only. It is the worker's own thread that starts others.
  writeFileSync(join(folder, "node.json"), JSON.stringify({ nodeOptions: { import: [refusal] } }));
  const nodeFlags = [`--experimental-config-file=${join(folder, "node.json")}`];
  const env = { REFUSE_THREADS: file };
  const server = await serve(t, lifeApp, ["-t", "2", "--timeout", "3s"], { env, nodeFlags });
  writeFileSync(file, "");
  const lost = get(server.url, "/forever").catch(() => "lost");
  await server.waitForLog(
    /raise --pids-limit.*the replacement of serving thread \d did not boot: .* cannot be started: EAGAIN/,
  );
  assert.equal(await lost, "lost");
  rmSync(file);
  await answersAgain(server.url);
  const { restarts } = await server.waitForStatus(({ ready }) => ready);
  assert.deepEqual(restarts, { workers: 0, threads: 1 }, "tries are not counted");
});

test("without threads a worker with its app on the main thread does not start, and says so", async (t) => {
  const folder = tempFolder(t);
  const file = join(folder, "refuse");
  const { pathname: refusal } = new URL("../fixtures/threads-refused.ts", import.meta.url);
  const env = { NODE_OPTIONS: `--import=${refusal}`, REFUSE_THREADS: file };
  const server = await serve(t, lifeApp, ["-t", "1", "--timeout", "3s"], { env });
  writeFileSync(file, "");
  const lost = get(server.url, "/forever").catch(() => "lost");
  await server.waitForLog(
    /raise --pids-limit.*the new worker did not boot: the watch thread cannot be started: EAGAIN/,
  );
  assert.equal(await lost, "lost");
  rmSync(file);
  await answersAgain(server.url);
  const { restarts } = await server.waitForStatus(({ ready }) => ready);
  assert.deepEqual(restarts, { workers: 1, threads: 0 }, "tries are not counted");
});
