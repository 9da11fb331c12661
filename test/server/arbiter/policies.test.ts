import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { RetiredTotals } from "../../../src/server/arbiter/workers/retired-totals.ts";
import { planReload } from "../../../src/server/arbiter/reload.ts";
import { share } from "../../../src/server/worker/limit-shares.ts";
import { judgeInterrupt, wantedAfter } from "../../../src/server/arbiter/signals.ts";
import { workerFlags } from "../../../src/server/arbiter/workers/worker-flags.ts";
import type { ServerConfig } from "../../../src/config/config.ts";
import { removeIfStale } from "../../../src/platform/unix-socket.ts";
import { noCounts } from "../../../src/server/worker/report/row-totals.ts";
import { tempFolder } from "./support.ts";

test("a worker gets as many threads for V8's own work as the machine has CPUs to spare, unless they were chosen", () => {
  const unchecked = "--no-force-async-hooks-checks";
  assert.deepEqual(workerFlags(1, []), ["--v8-pool-size=1", unchecked]);
  assert.deepEqual(workerFlags(2, ["--expose-gc"]), ["--expose-gc", "--v8-pool-size=1", unchecked]);
  assert.deepEqual(workerFlags(4, []), ["--v8-pool-size=3", unchecked]);
  assert.deepEqual(workerFlags(16, []), [unchecked]);
  assert.deepEqual(workerFlags(2, ["--v8-pool-size=2"]), ["--v8-pool-size=2", unchecked]);
  assert.deepEqual(workerFlags(2, [], "--max-http-header-size=9 --v8-pool-size=0"), [unchecked]);
});

describe("what a reload takes from the configuration", () => {
  const config = (changes: object = {}): ServerConfig =>
    ({ workers: 2, accept: "handoff", listen: [], timeoutMs: 1000, ...changes }) as unknown as ServerConfig;

  test("is everything that does not belong to the arbiter", () => {
    const plan = planReload(config(), config(), config({ timeoutMs: 5, accept: "shared", pidFile: "/x" }));
    assert.deepEqual(plan.config, config({ timeoutMs: 5 }));
    assert.deepEqual(plan.needRestart, ["accept", "pidFile"]);
  });

  test("is the number of workers if it has changed, else the one it was scaled to", () => {
    assert.equal(planReload(config({ workers: 5 }), config(), config()).config.workers, 5);
    assert.equal(planReload(config({ workers: 5 }), config(), config({ workers: 3 })).config.workers, 3);
  });

  test("is another model, but not to or from sync", () => {
    const [loop, sync] = [
      { threads: 2, keepAliveMs: 5000 },
      { threads: 1, keepAliveMs: 0 },
    ].map((more, i) => config({ model: i === 0 ? "loop" : "sync", ...more })) as [ServerConfig, ServerConfig];
    const plan = planReload(loop, loop, { ...sync, timeoutMs: 7 });
    assert.deepEqual(plan, { config: { ...loop, timeoutMs: 7 }, needRestart: ["model"] });
    assert.equal(planReload(sync, sync, loop).config.model, "sync");
    assert.equal(planReload(loop, loop, config({ model: "threads" })).config.model, "threads");
  });

  test("is another certificate, but not a change between HTTP and HTTPS", () => {
    const tls = { tlsCert: "/a.crt", tlsKey: "/a.key" };
    const renewed = { tlsCert: "/b.crt", tlsKey: "/b.key" };
    assert.equal(planReload(config(tls), config(tls), config(renewed)).config.tlsCert, "/b.crt");
    const on = planReload(config(), config(), config(tls));
    assert.equal(on.config.tlsCert, undefined);
    assert.deepEqual(on.needRestart, ["tlsCert"]);
    assert.equal(planReload(config(tls), config(tls), config()).config.tlsKey, "/a.key");
  });
});

test("the shares of a limit add up to it, and nobody gets nothing", () => {
  const shares = (total: number, workers: number): number[] =>
    Array.from({ length: workers }, (_, slot) => share(total, slot, workers));
  assert.deepEqual(shares(10, 3), [4, 3, 3]);
  assert.deepEqual(shares(1, 3), [1, 1, 1]);
  assert.deepEqual(shares(0, 3), [0, 0, 0], "off stays off");
});

test("two interrupts at once are one, a later one means now", () => {
  assert.equal(judgeInterrupt(1000, undefined), "stop");
  assert.equal(judgeInterrupt(1050, 1000), "same");
  assert.equal(judgeInterrupt(1500, 1000), "stop-now");
});

test("several signals that scale are one wish, never for less than one worker", () => {
  assert.equal(wantedAfter(2, [1, 1, 1]), 5);
  assert.equal(wantedAfter(3, [-1, 1, -1]), 2);
  assert.equal(wantedAfter(2, [-1, -1, -1]), 1);
  assert.equal(wantedAfter(2, [-1, -1, -1, 1, 1]), 3);
  // To be refused.
  assert.equal(wantedAfter(1, [-1]), 0);
});
test("what departed workers had counted is added up, not collected", () => {
  const departed = new RetiredTotals();
  const counters = { ...noCounts(), started: 3, finished: 2, shed: 1, droppedMessages: 4 };
  for (let i = 0; i < 1000; i++)
    departed.add({ counters, threadRestarts: 1, runaways: 2, handler: [[5, 2]], queue: [] });
  assert.equal(departed.counters.started, 3000);
  assert.equal(departed.counters.droppedMessages, 4000);
  assert.equal(departed.threadRestarts, 1000);
  assert.equal(departed.runaways, 2000);
  assert.deepEqual(departed.handler, [[5, 2000]]);
});

describe("a socket file", () => {
  test("that nobody answers at is removed, one that is alive and what is no socket are not", async (t) => {
    const folder = tempFolder(t, { plain: "text" });
    const [plain, alive] = [join(folder, "plain"), join(folder, "alive")];
    await removeIfStale(plain);
    assert.equal(existsSync(plain), true);
    await removeIfStale(join(folder, "none"));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen({ path: alive }, resolve));
    t.after(() => void server.close());
    await removeIfStale(alive);
    assert.equal(existsSync(alive), true);
  });
});
