/** A request that was sent ahead still waits: it counts in the queue, times out, can be abandoned and moved. */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { get as httpGet } from "node:http";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { type LifeServer, serve, tempFolder } from "../server/arbiter/support.ts";

const app = new URL("../fixtures/threads/held.ts", import.meta.url).pathname;

interface Held {
  readonly server: LifeServer;
  readonly ask: (path: string) => Promise<{ status: number; thread: string }>;
  readonly release: (path: string) => void;
  readonly ran: () => readonly string[];
  readonly queued: (count: number) => Promise<unknown>;
  /** So many threads have one. */
  readonly begun: (count: number) => Promise<unknown>;
}

async function start(t: TestContext, args: readonly string[]): Promise<Held> {
  const folder = tempFolder(t);
  const server = await serve(t, app, ["--model", "threads", ...args], { env: { HELD_FOLDER: folder } });
  return {
    server,
    ask: async (path) => {
      const response = await fetch(`${server.url}${path}`, { signal: AbortSignal.timeout(30_000) });
      return { status: response.status, thread: await response.text() };
    },
    release: (path) => writeFileSync(join(folder, `release${path.replaceAll("/", "-")}`), ""),
    ran: () => readFileSync(join(folder, "ran"), "utf8").trim().split("\n"),
    queued: (count) => server.waitForStatus(({ models }) => models["threads"]!.queued === count),
    begun: (count) => server.waitForStatus(({ workers }) => workers[0]!.pools[0]!.busy === count),
  };
}

describe("a request ahead of its turn", { concurrency: true }, () => {
  test("counts as waiting: it fills the queue, and leaves it when it begins", async (t) => {
    const { ask, release, queued, begun } = await start(t, ["--threads", "1", "--queue", "1"]);
    const first = ask("/hold/1");
    await begun(1);
    const second = ask("/hold/2");
    await queued(1);
    assert.equal((await ask("/")).status, 503);
    release("/hold/1");
    assert.equal((await first).status, 200);
    // The second runs: there is room for one again, and no more.
    await queued(0);
    const third = ask("/");
    await queued(1);
    assert.equal((await ask("/")).status, 503);
    release("/hold/2");
    assert.deepEqual([(await second).status, (await third).status], [200, 200]);
    await queued(0);
  });

  test("is run by whichever thread is idle first", async (t) => {
    const { ask, release, queued, begun } = await start(t, ["--threads", "2"]);
    const first = ask("/hold/1");
    const second = ask("/hold/2");
    await begun(2);
    const others = Promise.all(Array.from({ length: 4 }, () => ask("/")));
    await queued(4);
    release("/hold/2");
    const { thread } = await second;
    assert.deepEqual([...new Set((await others).map((answer) => answer.thread))], [thread]);
    release("/hold/1");
    assert.notEqual((await first).thread, thread);
    await queued(0);
  });

  test("goes with its client, and never runs", async (t) => {
    const { ask, release, queued, ran, server } = await start(t, ["--threads", "1"]);
    const first = ask("/hold/1");
    await server.waitForStatus(({ workers }) => workers[0]!.pools[0]!.busy === 1);
    const left = httpGet(`${server.url}/left`).on("error", () => {});
    await queued(1);
    left.destroy();
    await queued(0);
    release("/hold/1");
    assert.equal((await first).status, 200);
    assert.equal((await ask("/after")).status, 200);
    assert.deepEqual(ran(), ["/hold/1", "/after"]);
  });

  test("is turned away when it has waited too long, and never runs", async (t) => {
    const { ask, release, queued, ran, begun } = await start(t, ["--threads", "1", "--queue-timeout", "2s"]);
    const first = ask("/hold/1");
    await begun(1);
    const late = await ask("/late");
    assert.equal(late.status, 503);
    await queued(0);
    release("/hold/1");
    assert.equal((await first).status, 200);
    assert.equal((await ask("/after")).status, 200);
    assert.deepEqual(ran(), ["/hold/1", "/after"]);
  });

  test("outlives the thread it lay ready at", async (t) => {
    const { ask, queued, ran, begun } = await start(t, ["--threads", "1", "--timeout", "3s"]);
    const first = ask("/hold/1");
    await begun(1);
    const others = Promise.all(Array.from({ length: 3 }, () => ask("/other")));
    await queued(3);
    assert.equal((await first).status, 504);
    assert.deepEqual([...new Set((await others).map(({ status }) => status))], [200]);
    assert.deepEqual(ran(), ["/hold/1", "/other", "/other", "/other"]);
    await queued(0);
  });

  test("through requests of all lengths and clients that leave, no thread and no place in the queue is lost", async (t) => {
    const { ask, release, queued, server } = await start(t, ["--threads", "8"]);
    let state = 1;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const client = async (): Promise<void> => {
      for (let i = 0; i < 40; i++) {
        // Now and then one takes so much longer than the others that what lies behind it is moved.
        const path = `/ms/${random(40) === 0 ? 100 : 8}`;
        if (random(8) === 0) await leave(`${server.url}${path}`, random(10));
        else assert.equal((await ask(path)).status, 200);
      }
    };
    await Promise.all(Array.from({ length: 32 }, client));
    const idle = await server.waitForStatus(({ workers }) => workers[0]!.pools[0]!.busy === 0);
    assert.deepEqual([idle.workers[0]!.pools[0]!.inFlight, idle.workers[0]!.pools[0]!.queued], [0, 0]);
    const held = Array.from({ length: 8 }, (_, i) => ask(`/hold/${i}`));
    await server.waitForStatus(({ workers }) => workers[0]!.pools[0]!.busy === 8);
    await queued(0);
    for (let i = 0; i < 8; i++) release(`/hold/${i}`);
    assert.equal(new Set((await Promise.all(held)).map(({ thread }) => thread)).size, 8);
  });
});

/** Asks, and goes away after so many milliseconds, answered or not. */
function leave(url: string, afterMs: number): Promise<void> {
  return new Promise((resolve) => {
    const request = httpGet(url, (response) => response.resume()).on("error", () => {});
    request.once("close", resolve);
    setTimeout(() => request.destroy(), afterMs);
  });
}
