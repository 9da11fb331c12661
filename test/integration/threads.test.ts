/** Promises of the models on handler threads only. test/contracts/model.contract.ts tests the promises of all models. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { Agent, get as httpGet } from "node:http";
import { join } from "node:path";
import { describe, test } from "node:test";
import { serve, tempFolder } from "../server/arbiter/support.ts";
import { startServer, type TestServer } from "../support/server.ts";

const app = new URL("../fixtures/threads/blocking.ts", import.meta.url).pathname;

/** Each of its copies stops when this file is there. */
const STOPS_SLOWLY = `import { existsSync, writeSync } from "node:fs";
  import { threadId } from "node:worker_threads";
  export default (req, res) => {
    if (req.url === "/throw") setTimeout(() => { throw new Error("late"); }, 1);
    res.end("ok");
  };
  export const onStop = async () => {
    writeSync(2, \`onStop of \${threadId}\\n\`);
    while (!existsSync("go-on")) await new Promise((resolve) => setTimeout(resolve, 20));
  };`;

const get = async (
  server: TestServer,
  path: string,
): Promise<{ status: number; body: string; model: string | null }> => {
  const response = await fetch(`${server.url}${path}`, { signal: AbortSignal.timeout(30_000) });
  return { status: response.status, body: await response.text(), model: response.headers.get("x-heddle-model") };
};

describe("the model threads", { concurrency: true }, () => {
  test("runs as many blocking handlers at once as it has threads, and no more on one thread", async () => {
    await using server = await startServer(app, ["--model", "threads", "--threads", "4"]);
    const answers = await Promise.all(Array.from({ length: 8 }, () => get(server, "/block")));
    const threads = new Set(answers.map(({ body }) => body.split(" ")[0]));
    assert.deepEqual([threads.size, answers.filter(({ status }) => status === 200).length], [4, 8]);
  });

  test("an endless loop is answered 504, its thread is replaced, and no other request notices", async () => {
    await using server = await startServer(app, ["--model", "threads", "--threads", "2"]);
    const forever = get(server, "/forever");
    const others = await Promise.all(Array.from({ length: 100 }, () => get(server, "/")));
    assert.ok(others.every(({ status }) => status === 200));
    assert.equal((await forever).status, 504);
    await server.waitForLog(/handler thread \d+ of threads is ended: GET \/forever .* did not end within its timeout/);
    // On a machine too busy to look at the thread in time, the log says so.
    await server.waitForLog(/its timeout[^]*(at handler \(\S+blocking\.ts:\d+:\d+\)|no stack)/);
    const after = await Promise.all(Array.from({ length: 8 }, () => get(server, "/block")));
    assert.equal(new Set(after.map(({ body }) => body.split(" ")[0])).size, 2, "both threads work again");
  });

  test("a response that has begun may take its time; one whose handler never lets go of the thread is cut", async () => {
    await using server = await startServer(app, ["--model", "threads", "--threads", "2"]);
    const [slow, half] = await Promise.allSettled([get(server, "/slow-stream"), get(server, "/half")]);
    assert.equal(slow.status === "fulfilled" && slow.value.body, "begun and ended");
    assert.equal(half.status, "rejected");
    await server.waitForLog(/GET \/half .* blocked its thread's event loop for 400 ms in the middle of its response/);
    assert.equal((await get(server, "/")).status, 200);
  });

  test("a request inherits no async context from the one before it on its thread", async () => {
    await using server = await startServer(app, ["--model", "threads", "--threads", "1"]);
    // Many at once, so that some follow another directly.
    const answers = await Promise.all(Array.from({ length: 50 }, () => get(server, "/context")));
    assert.deepEqual([...new Set(answers.map(({ body }) => body))], ["undefined"]);
  });

  test("64 keep-alive connections get all their answers, at full speed", async (t) => {
    const server = await serve(t, app, ["--model", "threads", "--threads", "2"]);
    const agent = new Agent({ keepAlive: true, maxSockets: 64 });
    t.after(() => agent.destroy());
    const ask = (): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        httpGet(server.url, { agent }, (res) => {
          res.resume().once("end", () => resolve(res.statusCode));
        }).once("error", reject);
      });
    const statuses = await Promise.all(
      Array.from({ length: 64 }, async () => {
        const seen = new Set<number | undefined>();
        for (let i = 0; i < 50; i++) seen.add(await ask());
        return [...seen];
      }),
    );
    assert.deepEqual([...new Set(statuses.flat())], [200]);
    const { counters, models } = await server.waitForStatus((now) => now.counters.finished >= 64 * 50);
    assert.equal(counters.finished, 64 * 50);
    assert.deepEqual(models, { threads: { inFlight: 0, queued: 0 } });
  });

  test("its threads and its queue are seen from outside", async (t) => {
    const server = await serve(t, app, ["--model", "threads", "--threads", "1"]);
    // Enough of them that a busy machine sees some wait.
    const asked = Array.from({ length: 10 }, () => get(server, "/block"));
    // Between two requests the thread is not busy.
    const status = await server.waitForStatus(({ models, workers }) => {
      const { queued, inFlight } = models["threads"]!;
      return queued > 1 && inFlight === queued + 1 && workers[0]!.pools[0]?.busy === 1;
    });
    const [pool] = status.workers[0]!.pools;
    assert.deepEqual([pool?.name, pool?.threads, pool?.max], ["threads", 1, 1]);
    assert.equal(pool?.queued, status.models["threads"]!.queued);
    await Promise.all(asked);
  });

  test("that an app's WebSockets get nowhere is said at start", async () => {
    const sockets = new URL("../fixtures/http/semantics.ts", import.meta.url).pathname;
    await using server = await startServer(sockets, ["--model", "threads"]);
    await server.waitForLog(/takes WebSockets or other upgrades, but their clients get 501 on \\?"\*/);
  });

  for (const [path, log] of [
    ["/exit", /the app ended handler thread \d+ of threads itself \(process\.exit\(3\)\)/],
    ["/overflow", /Maximum call stack size exceeded/],
  ] as const) {
    test(`${path} costs its own request a 500, and nothing else`, async () => {
      await using server = await startServer(app, ["--model", "threads", "--threads", "2"]);
      const [broken, ...others] = await Promise.all([get(server, path), get(server, "/block"), get(server, "/block")]);
      assert.equal(broken.status, 500);
      assert.ok(others.every(({ status }) => status === 200));
      await server.waitForLog(log);
      assert.equal((await get(server, "/")).status, 200);
    });
  }

  test("an exception from an earlier request is not blamed on a later one; the thread is replaced", async () => {
    await using server = await startServer(app, ["--model", "threads", "--threads", "1"]);
    assert.equal((await get(server, "/late-throw")).status, 200);
    await server.waitForLog(/uncaught exception on handler thread 1 of threads; the thread is replaced/);
    const answers = await Promise.all(Array.from({ length: 20 }, () => get(server, "/")));
    assert.ok(answers.every(({ status }) => status === 200));
  });

  test("onStop of a thread that leaves runs once, also if its worker is stopped meanwhile", async (t) => {
    const folder = tempFolder(t, { "app.ts": STOPS_SLOWLY });
    const server = await serve(t, join(folder, "app.ts"), ["--model", "threads", "--threads", "2"], { cwd: folder });
    assert.equal((await get(server, "/throw")).status, 200);
    const [, first] = await server.waitForLog(/onStop of (\d+)/);
    const mark = server.mark();
    server.signal("SIGTERM");
    await server.waitForLog(new RegExp(`onStop of (?!${first}\\b)`), mark);
    writeFileSync(join(folder, "go-on"), "");
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    const stopped = server.stderr().match(/onStop of \d+/g) ?? [];
    assert.equal(stopped.length, new Set(stopped).size, stopped.join());
  });

  test("a route runs under its own model, beside the rest", async () => {
    await using server = await startServer(app, ["--model", "threads", "--threads", "1", "--debug-headers"]);
    const [blocked, inline] = await Promise.all([get(server, "/block"), get(server, "/inline")]);
    assert.deepEqual([blocked.model, inline.model], ["threads", "loop"]);
  });

  test("what finds neither a thread nor room in the queue is answered 503", async (t) => {
    const held = new URL("../fixtures/threads/held.ts", import.meta.url).pathname;
    const folder = tempFolder(t);
    const args = ["--model", "threads", "--threads", "1", "--queue", "1"];
    const server = await serve(t, held, args, { env: { HELD_FOLDER: folder } });
    const first = get(server, "/hold");
    await server.waitForStatus(({ workers }) => workers[0]!.pools[0]!.busy === 1);
    const second = get(server, "/hold");
    await server.waitForStatus(({ models }) => models["threads"]!.queued === 1);
    const others = await Promise.all(Array.from({ length: 4 }, () => get(server, "/hold")));
    assert.deepEqual(
      others.map(({ status }) => status),
      [503, 503, 503, 503],
    );
    writeFileSync(join(folder, "release-hold"), "");
    for (const answer of [first, second]) assert.equal((await answer).status, 200);
  });
});

describe("the model thread-per-request", () => {
  test("every request has a thread and a module state of its own", async () => {
    await using server = await startServer(app, ["--model", "thread-per-request", "--threads", "2:4"]);
    const answers: string[] = [];
    for (let i = 0; i < 6; i++) answers.push((await get(server, "/")).body);
    assert.deepEqual(
      answers.map((body) => body.split(" ")[1]),
      ["1", "1", "1", "1", "1", "1"],
    );
    assert.equal(new Set(answers.map((body) => body.split(" ")[0])).size, 6);
  });

  test("requests that end their threads, however many, keep no others waiting", async () => {
    await using server = await startServer(app, ["--model", "thread-per-request", "--threads", "1"]);
    // As deaths of one place, so many would have it rest for longer than a request waits.
    const bad = await Promise.all(Array.from({ length: 18 }, () => fetch(`${server.url}/exit`)));
    assert.deepEqual([...new Set(bad.map(({ status }) => status))], [500], server.output(0));
    assert.equal((await get(server, "/")).status, 200);
  });

  test("a request that outlives many others keeps its thread, though they use the other slots again and again", async (t) => {
    const held = new URL("../fixtures/threads/held.ts", import.meta.url).pathname;
    const folder = tempFolder(t);
    const env = { HELD_FOLDER: folder };
    const server = await serve(t, held, ["--model", "thread-per-request", "--threads", "1:3"], { env });
    const ask = async (path: string): Promise<{ status: number; thread: string }> => {
      const response = await fetch(`${server.url}${path}`, { signal: AbortSignal.timeout(30_000) });
      return { status: response.status, thread: await response.text() };
    };
    const first = ask("/hold/1");
    await server.waitForStatus(({ workers }) => workers[0]!.pools[0]!.busy === 1);
    const others: Awaited<ReturnType<typeof ask>>[] = [];
    for (let i = 0; i < 12; i++) others.push(await ask("/ms/0"));
    assert.deepEqual([...new Set(others.map(({ status }) => status))], [200]);
    // The thread of the first is still counted as one that has a request.
    await server.waitForStatus(({ workers }) => {
      const { threads, busy, inFlight } = workers[0]!.pools[0]!;
      return threads > 1 && busy === 1 && inFlight === 1;
    });
    writeFileSync(join(folder, "release-hold-1"), "");
    const answer = await first;
    assert.equal(answer.status, 200);
    assert.ok(!others.some(({ thread }) => thread === answer.thread));
    await server.waitForStatus(({ workers }) => workers[0]!.pools[0]!.busy === 0);
  });
});
