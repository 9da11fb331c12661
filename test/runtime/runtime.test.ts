import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { HeddleError } from "../../src/errors/errors.ts";
import { runtime, LOAD } from "../../src/runtime/runtime.ts";
import { setSchedulerThreads } from "../../src/runtime/threads/scheduler-threads.ts";
import { warningOf } from "../support/warnings.ts";
import { echo } from "../fixtures/runtime/echo.ts";

const run = promisify(execFile);
const here = runtime();
setSchedulerThreads(2);

/** A test is someone who waits. */
function waiting(name: string, body: () => Promise<void>): void {
  void test(name, async () => {
    here.retain();
    try {
      await body();
    } finally {
      here.release();
    }
  });
}

/** Two threads, both started: the second because the first has something to do. */
function twoThreads(): [number, number] {
  const first = here.place("scheduler")!;
  here.board.add(first, LOAD.queued, 1);
  const second = here.place("scheduler")!;
  here.board.add(first, LOAD.queued, -1);
  assert.notEqual(first, second);
  return [first, second];
}

function isDead(error: unknown, message: RegExp): boolean {
  assert.ok(error instanceof HeddleError);
  assert.equal(error.code, "THREAD_DIED");
  assert.match(error.message, message);
  return true;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate);
}

waiting("the first thread that uses the runtime is its root", async () => {
  assert.equal(here.self, 0);
  assert.equal(here.role, "root");
});

waiting("a service is imported on another thread with its first message, and answers", async () => {
  const thread = here.place("scheduler")!;
  assert.notEqual(thread, 0);
  echo.order(thread, { do: "echo", value: { hello: [1, 2] } });
  assert.deepEqual(await echo.next(), { from: thread, payload: { hello: [1, 2] } });
});

waiting("what is posted arrives in order, batched or at once", async () => {
  const thread = here.place("scheduler")!;
  for (let n = 0; n < 2000; n++) {
    const order = { do: "echo", value: n } as const;
    if (n % 7 === 0) here.postNow(thread, "test-echo", order);
    else echo.order(thread, order);
  }
  for (let n = 0; n < 2000; n++) assert.equal((await echo.next()).payload, n);
});

waiting("threads talk to each other without the root", async () => {
  const [first, second] = twoThreads();
  echo.order(first, { do: "forward", to: second, value: { do: "forward", to: 0, value: "through both" } });
  assert.deepEqual(await echo.next(), { from: second, payload: "through both" });
});

waiting("postNow throws what cannot be cloned, and sends the rest", async () => {
  const thread = here.place("scheduler")!;
  echo.order(thread, { do: "echo", value: "before" });
  assert.throws(() => here.postNow(thread, "test-echo", { do: "echo", value: () => 1 }), { code: "NOT_CLONEABLE" });
  echo.order(thread, { do: "echo", value: "after" });
  assert.equal((await echo.next()).payload, "before");
  assert.equal((await echo.next()).payload, "after");
});

waiting("postNow transfers", async () => {
  const thread = here.place("scheduler")!;
  const bytes = new Uint8Array([1, 2, 3]);
  here.postNow(thread, "test-echo", { do: "echo", value: bytes }, [bytes.buffer]);
  assert.equal(bytes.length, 0);
  assert.deepEqual((await echo.next()).payload, new Uint8Array([1, 2, 3]));
});

waiting("the least loaded thread is chosen, and never more are started than allowed", async () => {
  const [first, second] = twoThreads();
  here.board.add(first, LOAD.running, 2);
  here.board.add(second, LOAD.running, 1);
  assert.equal(here.place("scheduler"), second);
  assert.equal([...here.threads()].length, 3);
  here.board.add(second, LOAD.running, 2);
  assert.equal(here.place("scheduler"), first);
  here.board.add(first, LOAD.running, -2);
  here.board.add(second, LOAD.running, -3);
});

for (const [how, message] of [
  ["throw", /scheduler thread \d+ has ended: thrown on purpose/],
  ["exit", /scheduler thread \d+ has ended with exit code 7/],
] as const) {
  waiting(
    `everybody learns of a thread's end (${how}) after all it had said, and another takes its place`,
    async () => {
      const [first, second] = twoThreads();
      echo.gone.length = 0;
      const warned = how === "throw" ? warningOf("THREAD_DIED") : undefined;
      echo.order(first, { do: "flood", n: 10_000 });
      echo.order(first, { do: how });
      await until(() => echo.gone.length > 0);
      assert.equal(echo.heard.length, 10_000);
      echo.heard.length = 0;
      assert.equal(echo.gone[0]![0], first);
      isDead(echo.gone[0]![1], message);
      if (warned !== undefined) assert.match((await warned).message, message);
      assert.equal(here.has(first), false);
      assert.equal(echo.order(first, { do: "echo" }), false, "nobody is there to be told");

      // The other thread has been told as well: it forwards to nobody, and still answers.
      echo.order(second, { do: "forward", to: first, value: 1 });
      echo.order(second, { do: "echo", value: "alive" });
      assert.equal((await echo.next()).payload, "alive");

      const [third, fourth] = twoThreads();
      assert.ok(third > second || fourth > second, "ids are not used again");
      echo.order(Math.max(third, fourth), {
        do: "forward",
        to: second,
        value: { do: "forward", to: 0, value: "linked" },
      });
      assert.equal((await echo.next()).payload, "linked");
    },
  );
}

waiting("a terminated thread ends with the reason given", async () => {
  const thread = here.place("scheduler")!;
  echo.order(thread, { do: "echo", value: 1 });
  await echo.next();
  echo.gone.length = 0;
  here.terminate(thread, new HeddleError("THREAD_DIED", "it was in the way"));
  await until(() => echo.gone.length > 0);
  isDead(echo.gone[0]![1], /it was in the way/);
});

waiting("a wrong number of threads is refused", async () => {
  for (const wrong of [0, 1.5, -1, NaN, 1000]) {
    assert.throws(() => setSchedulerThreads(wrong), { code: "THREADS_INVALID" });
  }
});

for (const [file, output] of [
  ["exit-waits", 'heard ["waited"]\n'],
  ["exit-worker-root", 'heard ["waited"]\nthe root ended with 0\n'],
  ["exit-deadlock", "once\n"],
  ["mocked-timers", "2 4 6 7 false true\n"],
] as const) {
  void test(`a program ends by itself, after what its threads still had to do: ${file}`, async () => {
    const path = new URL(`../fixtures/runtime/${file}.ts`, import.meta.url).pathname;
    // The timeout is patience: it ends a program that hangs, with an error.
    const { stdout } = await run(process.execPath, [path], { timeout: 30_000 });
    assert.equal(stdout, output);
  });
}

void test("a program that has no descriptors for its threads is told, lives, and has them when there are some", async () => {
  const path = new URL("../fixtures/runtime/no-descriptors.ts", import.meta.url).pathname;
  const command = ["-c", 'ulimit -n 100 && exec "$0" "$1"', process.execPath, path];
  const { stdout, stderr } = await run("sh", command, { timeout: 30_000 });
  assert.equal(stdout, "true 4 6\n");
  assert.match(stderr, /THREAD_DIED.*scheduler thread 1 has ended: Worker initialization failure: EMFILE\. Another/);
});

void test("a program that may have no more threads is told, lives, and has them when it may", async (t) => {
  const { pathname: refusal } = new URL("../fixtures/threads-refused.ts", import.meta.url);
  const { pathname: program } = new URL("../fixtures/runtime/no-threads.ts", import.meta.url);
  const folder = mkdtempSync(join(tmpdir(), "heddle-runtime-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "refuse");
  writeFileSync(file, "");
  const env = { ...process.env, REFUSE_THREADS: file };
  const { stdout, stderr } = await run(process.execPath, ["--import", refusal, program], { env, timeout: 30_000 });
  assert.equal(stdout, "true 4 6\n");
  assert.match(stderr, /THREAD_DIED.*scheduler thread 1 cannot be started: EAGAIN\. Another.*\n.*raise --pids-limit/);
});
