import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { ask } from "../../src/server/control/client.ts";
import { get, keep, lifeApp, placeOf, serve, spread, tempFolder, until, workersOf } from "../server/arbiter/support.ts";
import { hasFfi } from "../support/ffi.ts";

const BURST = 64;
/** On a loaded machine a thread may well stand still for 100 ms, and would get fewer. */
const UNTROUBLED = ["--blocked-threshold", "10s"];

function assertEven(counts: ReadonlyMap<string, number>, places: number): void {
  const even = BURST / places;
  const shown = JSON.stringify([...counts]);
  assert.equal(counts.size, places, `every thread got some: ${shown}`);
  for (const count of counts.values())
    assert.ok(Math.abs(count - even) <= even / 4, `within 25 % of ${even}: ${shown}`);
}

describe("a burst of connections", { concurrency: 2 }, () => {
  for (const [workers, threads] of [
    [1, 2],
    [1, 4],
    [2, 1],
    [2, 2],
    [3, 2],
  ] as const) {
    test(`lands evenly on ${workers} × ${threads}`, async (t) => {
      const server = await serve(t, lifeApp, [
        "-w",
        `${workers}`,
        "-t",
        `${threads}`,
        "--debug-headers",
        ...UNTROUBLED,
      ]);
      assertEven(await spread(server.url, BURST), workers * threads);
    });
  }

  test("is answered by workers that share one socket", async (t) => {
    await answersAll(t, "shared");
  });

  test("is answered by workers that have a socket each", async (t) => {
    const server = await answersAll(t, "reuseport");
    // A socket whose worker was retired would go on queueing connections.
    const { workers } = await server.status();
    assert.equal(workers.length, 2);
    server.signal("SIGTTOU");
    await server.waitForLog(/scaled from 2 to 1/);
    const counts = await spread(server.url, BURST);
    assert.equal(sum(counts), BURST);
  });
});

async function answersAll(t: TestContext, accept: string): ReturnType<typeof serve> {
  const server = await serve(t, lifeApp, ["-w", "2", "-t", "1", "--accept", accept, "--debug-headers"]);
  assert.equal(sum(await spread(server.url, BURST)), BURST);
  return server;
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}

test("a worker that is stopped gets no new connection while another one is free", async (t) => {
  const server = await serve(t, lifeApp, ["-w", "2", "-t", "2", "--debug-headers", "--heartbeat-timeout", "60s"]);
  const isReady = async (): Promise<boolean> => ((await ask(server.control, "/readyz")) as { ready: boolean }).ready;
  const [stopped, other] = workersOf(server.pid);
  for (const worker of [stopped, other]) process.kill(worker!, "SIGSTOP");
  try {
    await until(async () => !(await isReady()), "both to be silent");
    process.kill(other!, "SIGCONT");
    await until(isReady, "one of them to be heard");
    const counts = await spread(server.url, 20);
    assert.equal(sum(counts), 20);
    assert.ok(
      [...counts.keys()].every((place) => place.startsWith(`${other}/`)),
      JSON.stringify([...counts]),
    );
  } finally {
    for (const worker of [stopped, other]) process.kill(worker!, "SIGCONT");
  }
});

describe("a blocked thread", { concurrency: 2 }, () => {
  test("gets no new connection while another is free", async (t) => {
    const server = await serve(t, lifeApp, [
      "-t",
      "2",
      "--debug-headers",
      "--blocked-threshold",
      "1s",
      "--timeout",
      "0",
    ]);
    const blocker = await keep(server.url);
    t.after(() => blocker.socket.destroy());
    const blockedPlace = placeOf(await blocker.ask("/"));
    const mark = server.mark();
    const file = join(tempFolder(t), "go-on");
    const spinning = blocker.ask(`/block-until?file=${file}`);
    try {
      await server.waitForStatus((status) => status.workers[0]!.threads.some(({ blocked }) => blocked));
      const counts = await spread(server.url, 20);
      assert.equal(counts.get(blockedPlace), undefined, JSON.stringify([...counts]));
      assert.equal(sum(counts), 20);
    } finally {
      writeFileSync(file, "");
    }
    assert.match(await spinning, /spun/);
    await server.waitForLog(/event loop blocked for \d+ ms in blockUntil/, mark);
  });

  test("that is killed leaves the connections that came meanwhile to its replacement", async (t) => {
    const server = await serve(t, lifeApp, ["-t", "1", "--timeout", "1500ms", "--blocked-threshold", "50ms"]);
    const lost = get(server.url, "/forever").then(
      () => "answered",
      () => "lost",
    );
    await server.waitForLog(/blocks for good/);
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        get(server.url).catch(() => ({ body: "given to the thread before it was seen" })),
      ),
    );
    const bodies = new Set(answers.map(({ body }) => body));
    // Where the thread does not accept by itself, what came before it was seen to be blocked has been given to it.
    if (!hasFfi) bodies.delete("given to the thread before it was seen");
    else assert.deepEqual([...bodies], ["ok"]);
    for (const body of bodies) assert.equal(body, "ok");
    assert.equal(await lost, "lost");
  });
});

test("connections that clients reset before they are accepted harm nobody", async (t) => {
  for (const workers of ["1", "2"]) {
    const server = await serve(t, lifeApp, ["-w", workers, "-t", "1"]);
    const [pid] = (await server.status()).workers.map((worker) => worker.pid);
    const keepers = await Promise.all(Array.from({ length: 200 }, () => keep(server.url)));
    for (const { socket } of keepers) socket.resetAndDestroy();
    assert.equal((await get(server.url)).body, "ok");
    assert.equal((await server.status()).workers[0]!.pid, pid, "the worker is the same");
  }
});
