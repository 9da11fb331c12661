import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { startMixedLoad } from "../../bench/mixed/start.ts";
import { get, lifeApp, serve, tempFolder, until, workersOf } from "../server/arbiter/support.ts";

const growsBeforeItServes = `
import { existsSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
let isFirst = true;
try {
  writeFileSync("first", "", { flag: "wx" });
} catch {
  isFirst = false;
}
export const held = isFirst ? Buffer.alloc(400 * 1024 * 1024, 1) : undefined;
// Longer than it takes a worker that is ready to find out.
if (isFirst) setTimeout(() => writeFileSync("grown", String(process.pid)), 1000);
else while (!existsSync("go-on")) await sleep(10);
export default (_req: unknown, res: { end(text: string): void }): void => res.end("ok");
`;

describe("recycling", { concurrency: 2 }, () => {
  test("the only worker at --max-requests under load loses nothing: its replacement serves first", async (t) => {
    const server = await serve(t, lifeApp, ["-w", "1", "-t", "1", "--max-requests", "150:50"]);
    const clients = { keepAlive: 4, newConnections: 4, uploads: 2, slow: 2, streams: 2 };
    const load = startMixedLoad({ url: server.url, ...clients, timeoutMs: 20_000 });
    t.after(async () => void (await load.stop().catch(() => undefined)));
    await load.ready;
    for (let times = 0, mark = 0; times < 3; times++) {
      const found = await server.waitForLog(/recycled \(max-requests: \d+ requests served\)/, mark);
      mark += found.index! + found[0].length;
    }
    const report = await load.stop();
    assert.equal(report.failed + report.retried, 0, JSON.stringify(report.failures.slice(0, 5)));
    assert.equal((await server.status()).restarts.workers, 0, "none of it is a death");
  });

  test("workers at --max-age under load lose nothing, and do not go all at once", async (t) => {
    const server = await serve(t, lifeApp, ["-w", "2", "-t", "1", "--max-age", "2s"]);
    const clients = { keepAlive: 4, newConnections: 4, uploads: 2, slow: 2, streams: 2 };
    const load = startMixedLoad({ url: server.url, ...clients, timeoutMs: 20_000 });
    t.after(async () => void (await load.stop().catch(() => undefined)));
    await load.ready;
    const old = new Set(workersOf(server.pid));
    for (let times = 0, mark = 0; times < 4; times++) {
      const found = await server.waitForLog(/recycled \(max-age: \d+ s old\)/, mark);
      mark += found.index! + found[0].length;
    }
    const report = await load.stop();
    assert.equal(report.failed + report.retried, 0, JSON.stringify(report.failures.slice(0, 5)));
    const { restarts, workers } = await server.waitForStatus((status) =>
      status.workers.every(({ pid }) => !old.has(pid)),
    );
    assert.deepEqual([restarts.workers, workers.length >= 2], [0, true]);
  });

  test("a worker that grows beyond --max-memory makes room for a fresh one", async (t) => {
    const server = await serve(t, lifeApp, ["-t", "1", "--max-memory", "400MiB"]);
    const [old] = workersOf(server.pid);
    for (let i = 0; i < 6; i++) await get(server.url, "/hold?ms=64");
    await server.waitForLog(/recycled \(max-memory: \d+ MiB resident, over --max-memory 400 MiB\)/);
    const { workers } = await server.waitForStatus((status) => status.workers.every(({ pid }) => pid !== old));
    assert.equal(workers.length, 1);
    assert.ok(workers[0]!.rssBytes < 400 * 2 ** 20);
  });

  test("a wish from before the worker serves is not lost", async (t) => {
    // The first to load grows at once; the second takes its time, and so the first does not serve yet.
    const folder = tempFolder(t, { "app.ts": growsBeforeItServes });
    const starting = serve(t, join(folder, "app.ts"), ["-w", "2", "-t", "1", "--max-memory", "200MiB"], {
      cwd: folder,
    });
    const grown = await until(() => {
      const file = join(folder, "grown");
      return existsSync(file) && readFileSync(file, "utf8");
    }, "the first worker to have grown");
    writeFileSync(join(folder, "go-on"), "");
    const server = await starting;
    const { workers } = await server.waitForStatus((status) =>
      status.workers.every(({ pid, state }) => pid !== Number(grown) && state === "serving"),
    );
    assert.equal(workers.length, 2);
  });

  test("does not spin when every worker is too large from the beginning", async (t) => {
    const server = await serve(t, lifeApp, ["-t", "1", "--max-memory", "1MiB"]);
    await server.waitForLog(/workers keep ending; the next one starts in \d+ ms/);
    assert.equal((await get(server.url)).body, "ok");
  });
});
