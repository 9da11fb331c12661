/** When a serving thread dies, its handler pools are as if its requests had never existed. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { get, type LifeServer, serve, tempFolder } from "../server/arbiter/support.ts";
import { RawConnection } from "../support/raw-connection.ts";

const app = new URL("../fixtures/threads/served.ts", import.meta.url).pathname;

interface Served extends LifeServer {
  readonly release: (path: string) => void;
  /** Has so many requests for a path begin on handler threads. */
  readonly begin: (path: string, count: number) => Promise<void>;
  /** Ends the serving thread, and waits until another serves. */
  readonly end: () => Promise<void>;
}

async function start(t: TestContext, args: readonly string[]): Promise<Served> {
  const folder = tempFolder(t);
  const server = await serve(t, app, ["--model", "threads", ...args], { env: { HELD_FOLDER: folder } });
  return {
    ...server,
    release: (path) => writeFileSync(join(folder, `release${path.replaceAll("/", "-")}`), ""),
    begin: async (path, count) => {
      for (let i = 0; i < count; i++) void get(server.url, path).catch(() => {});
      await server.waitForStatus(({ workers }) => workers[0]!.pools[0]!.busy === count);
    },
    end: async () => {
      await assert.rejects(get(server.url, "/exit"));
      await server.waitForLog(/the app ended serving thread 0 itself/);
      await server.waitForStatus(({ workers }) => workers[0]!.threads[0]?.state === "ready");
    },
  };
}

describe("requests of a serving thread that has died", { concurrency: 2 }, () => {
  test("that were given to a handler thread and not sent leave it free", async (t) => {
    const server = await start(t, ["--threads", "1"]);
    const client = await RawConnection.open(Number(new URL(server.url).port));
    t.after(() => client.socket.destroy());
    // Both are read in one piece, and nothing is sent before both are dealt with.
    client.write("GET / HTTP/1.1\r\nhost: test\r\n\r\nGET /exit HTTP/1.1\r\nhost: test\r\n\r\n");
    await server.waitForLog(/the app ended serving thread 0 itself/);
    await server.waitForStatus(({ workers }) => workers[0]!.threads[0]?.state === "ready");
    assert.equal((await get(server.url, "/")).status, 200);
    await server.waitForStatus(({ workers }) => workers[0]!.pools[0]!.busy === 0);
  });

  test("that waited for a handler thread leave the queue", async (t) => {
    const server = await start(t, ["--threads", "1", "--queue", "2"]);
    await server.begin("/hold", 1);
    for (let i = 0; i < 2; i++) void get(server.url, "/").catch(() => {});
    await server.waitForStatus(({ models }) => models["threads"]!.queued === 2);
    await server.end();
    await server.waitForStatus(({ models }) => models["threads"]!.queued === 0);
    // There is room for two again.
    const others = [get(server.url, "/"), get(server.url, "/")];
    await server.waitForStatus(({ models }) => models["threads"]!.queued === 2);
    assert.equal((await get(server.url, "/")).status, 503);
    server.release("/hold");
    assert.deepEqual(
      (await Promise.all(others)).map(({ status }) => status),
      [200, 200],
    );
    await server.waitForStatus(({ workers }) => workers[0]!.pools[0]!.busy === 0);
  });

  test("that had begun go on to their end, and the thread is free then", async (t) => {
    const server = await start(t, ["--threads", "2"]);
    await server.begin("/hold", 2);
    await server.end();
    const status = await server.waitForStatus(({ models }) => models["threads"]!.queued === 0);
    assert.equal(status.workers[0]!.pools[0]!.busy, 2);
    server.release("/hold");
    await server.waitForStatus(({ workers }) => workers[0]!.pools[0]!.busy === 0);
    assert.equal((await get(server.url, "/")).status, 200);
  });

  test("that had begun are told to stop, as if their client had left", async (t) => {
    const server = await start(t, ["--threads", "1", "--timeout", "0"]);
    await server.begin("/listen", 1);
    await server.end();
    await server.waitForStatus(({ workers }) => workers[0]!.pools[0]!.busy === 0);
    assert.equal((await get(server.url, "/")).status, 200);
  });

  test("that had begun and never end lose their thread at the timeout, and others have a new one", async (t) => {
    const server = await start(t, ["--threads", "1", "--timeout", "3s"]);
    await server.begin("/forever", 1);
    await server.end();
    await server.waitForLog(/handler thread \d+ of threads is ended: /);
    assert.equal((await get(server.url, "/")).status, 200);
    await server.waitForStatus(({ workers }) => workers[0]!.pools[0]!.busy === 0);
  });
});
