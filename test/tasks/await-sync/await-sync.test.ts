import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { afterEach, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { threadId, Worker } from "node:worker_threads";
import { HeddleError } from "../../../src/errors/errors.ts";
import { blockingRules, setBlockingRules } from "../../../src/runtime/blocking.ts";
import { awaitSync, task, taskSignal, transfer } from "../../../src/tasks/index.ts";
import { warningOf } from "../../support/warnings.ts";
import * as tasks from "../../fixtures/await-sync/tasks.ts";
import { whereSlow } from "../../fixtures/await-sync/slow-import.ts";

const run = promisify(execFile);
const fixture = (name: string): URL => new URL(`../../fixtures/await-sync/${name}.ts`, import.meta.url);
const shared = (): Int32Array => new Int32Array(new SharedArrayBuffer(4));

/** What a call throws. */
function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return assert.fail("it did not throw");
}

describe("awaitSync", () => {
  test("returns what an asynchronous task gives, from one I/O thread for all calls", () => {
    assert.equal(awaitSync(tasks.describe, new Map()), "[object Map]");
    const there = awaitSync(tasks.where);
    assert.notEqual(there, threadId);
    assert.equal(awaitSync(tasks.where), there);
  });

  test("copies arguments and results, and moves what is to move", () => {
    const given = { tags: ["a"] };
    const got = awaitSync(tasks.echo, given);
    assert.deepEqual(got, given);
    assert.notEqual(got, given);

    const listed = new Uint8Array(8);
    assert.equal(awaitSync.with({ transfer: [listed.buffer] }, tasks.moved, listed)[0], 7);
    assert.equal(listed.byteLength, 0);
    const marked = new Uint8Array(8);
    assert.equal(awaitSync(tasks.moved, transfer(marked, [marked.buffer])).byteLength, 8);
    assert.equal(marked.byteLength, 0);
  });

  test("throws what the task threw, with the place there and the place here", () => {
    const error = thrownBy(function caller() {
      awaitSync(tasks.fail);
    }) as TypeError & { code: string };
    assert.ok(error instanceof TypeError);
    assert.deepEqual([error.name, error.message, error.code], ["TypeError", "no such row", "E_ROW"]);
    assert.ok(error.cause instanceof RangeError);
    assert.match(
      error.stack!,
      /^TypeError: no such row\n +at .*fixtures\/await-sync\/tasks\.ts:\d+:\d+[^]*\n +at awaitSync\(fail\), which ran on another thread\n +at caller \(.*await-sync\.test\.ts/,
    );
    assert.equal(
      thrownBy(() => awaitSync(tasks.throwText)),
      "just text",
    );
  });

  test("says which argument cannot cross", () => {
    const error = thrownBy(() => awaitSync(tasks.echo, () => {})) as HeddleError;
    assert.equal(error.code, "TASK_NOT_CLONEABLE");
    assert.match(error.message, /^argument 1 of echo cannot cross to another thread: .*could not be cloned/);
  });

  test("says that a result cannot cross", () => {
    const error = thrownBy(() => awaitSync(tasks.giveFunction)) as HeddleError;
    assert.equal(error.code, "TASK_NOT_CLONEABLE");
    assert.match(error.message, /^the result of the task "giveFunction" cannot cross to the calling thread/);
  });

  test("throws a TimeoutError at its time limit, and the task's signal has aborted by then", () => {
    const there = awaitSync(tasks.where);
    const state = shared();
    const error = thrownBy(() => awaitSync.with({ timeoutMs: 50 }, tasks.hang, state)) as DOMException;
    assert.ok(error instanceof DOMException);
    assert.deepEqual([error.name, error.message], ["TimeoutError", "awaitSync(hang) took longer than 50 ms"]);
    assert.equal(state[0], 2);
    assert.equal(awaitSync(tasks.where), there, "a thread that listens is kept");
  });

  test("throws the reason of a signal that has aborted, and runs nothing", () => {
    const state = shared();
    const reason = new Error("too late");
    assert.equal(
      thrownBy(() => awaitSync.with({ signal: AbortSignal.abort(reason) }, tasks.hang, state)),
      reason,
    );
    assert.equal(state[0], 0);
  });

  describe("on a thread whose owner can cancel", () => {
    afterEach(() => setBlockingRules({}));

    test("is woken by it, throws the owner's reason, and aborts the task", () => {
      const state = shared();
      const reason = new DOMException("the client went away", "AbortError");
      // An hour: only the wake-up can end the wait.
      setBlockingRules({ lookMs: 3_600_000, cancelled: () => (state[0] === 1 ? reason : undefined) });
      const { place } = blockingRules().wake;
      assert.equal(
        thrownBy(() => awaitSync(tasks.cancelCaller, state, place)),
        reason,
      );
      const before = shared();
      assert.equal(
        thrownBy(() => awaitSync(tasks.hang, before)),
        reason,
      );
      assert.equal(before[0], 0, "what is cancelled already runs nothing");
    });

    test("throws what the owner says against blocking", () => {
      setBlockingRules({
        may: (what) => {
          throw new Error(`${what} may not`);
        },
      });
      assert.throws(() => awaitSync(tasks.where), { message: "awaitSync(where) may not" });
    });
  });

  test("survives a task that ends its thread, and says how it ended", () => {
    for (const [ending, message] of [
      [() => awaitSync(tasks.exit, 3), "the I/O thread was ended by process.exit(3) in a task or its module."],
      [() => awaitSync(tasks.crash), "the I/O thread died of an uncaught exception: nobody catches this"],
    ] as const) {
      const before = awaitSync(tasks.where);
      const error = thrownBy(ending) as HeddleError;
      assert.deepEqual([error.code, error.message], ["THREAD_DIED", message]);
      assert.notEqual(awaitSync(tasks.where), before);
    }
  });

  test("tells of a death that no call saw as a warning", async () => {
    const warned = warningOf("THREAD_DIED");
    assert.equal(awaitSync(tasks.crashLater), "result");
    assert.equal((await warned).message, "an I/O thread died: after the result");
    assert.equal(typeof awaitSync(tasks.where), "number");
  });

  test("ends an I/O thread that a task blocks, throws at the time limit, and goes on with a new one", async () => {
    const before = awaitSync(tasks.where);
    const warned = warningOf("THREAD_DIED");
    assert.throws(() => awaitSync.with({ timeoutMs: 20 }, tasks.spin), { name: "TimeoutError" });
    assert.notEqual(awaitSync(tasks.where), before);
    assert.match((await warned).message, /^the task "spin" of file:\S+tasks\.ts blocked its I\/O thread/);
  });

  test("lets a thread finish an import that outlasts the time limit", () => {
    const there = awaitSync(tasks.where);
    assert.throws(() => awaitSync.with({ timeoutMs: 20 }, whereSlow), { name: "TimeoutError" });
    assert.equal(awaitSync(whereSlow), there);
  });

  test("survives a task that fills the heap of its thread, whose limit is that of the calling thread", async () => {
    const worker = new Worker(fixture("thread"), {
      workerData: { what: "fill" },
      resourceLimits: { maxOldGenerationSizeMb: 32 },
    });
    const [told] = (await once(worker, "message")) as [object];
    assert.deepEqual(told, {
      code: "THREAD_DIED",
      message: "the I/O thread ended without an error: most likely its heap was full.",
      isReplaced: true,
    });
    await worker.terminate();
  });

  test("is refused inside a task, where the other task can be awaited", () => {
    const error = thrownBy(() => awaitSync(tasks.nested)) as HeddleError;
    assert.equal(error.code, "AWAIT_SYNC_REFUSED");
    assert.match(error.message, /^awaitSync\(where\) is called inside a task/);
    assert.equal(awaitSync(tasks.direct), awaitSync(tasks.where));
  });

  test("says what is wrong with a call", () => {
    const wrong = (...args: readonly unknown[]): unknown =>
      Reflect.apply(awaitSync as unknown as () => unknown, undefined, args);
    assert.throws(() => wrong(async function load() {}), { code: "TASK_INVALID", message: /got the function load\.$/ });
    assert.throws(() => wrong(undefined), { code: "TASK_INVALID", message: /got undefined\.$/ });
    assert.throws(() => awaitSync.with({ timeoutMs: -1 }, tasks.where), { code: "TASK_INVALID", message: /is -1\.$/ });
    const lost = task(new URL("missing.ts", import.meta.url).href, "lost", () => {});
    assert.throws(() => awaitSync(lost), { code: "TASK_MODULE_FAILED", message: /Cannot find module/ });
  });

  test("a server that a module opens does not listen on the I/O thread, one that a task opens does", () => {
    assert.deepEqual(awaitSync(tasks.listens), [false, true]);
  });

  test("a task finds nothing of the library's in its thread's data, and speaks over parentPort to nobody", () => {
    assert.deepEqual(awaitSync(tasks.looksAround), {});
    assert.deepEqual(awaitSync(tasks.looksAround), {});
  });

  test("the signal of code that belongs to no task never aborts", () => {
    assert.equal(taskSignal().aborted, false);
  });

  test("a program with its tasks in its main module runs once, and ends by itself", async () => {
    const { stdout } = await run(process.execPath, [fileURLToPath(fixture("program"))]);
    assert.equal(stdout, "main\nhello loom\n");
  });

  test("a task that a program defines after it has waited is not found, and the reason says what to do", async () => {
    const { stdout } = await run(process.execPath, [fileURLToPath(fixture("lost-task"))]);
    const told = JSON.parse(stdout) as { code: string; message: string; cause: string; hint: string };
    assert.equal(told.code, "TASK_MODULE_FAILED");
    assert.match(told.cause, /^awaitSync\(where\) is called by a module that is imported here for its tasks/);
    assert.match(told.hint, /import\.meta\.main/);
  });

  test("an I/O thread ends with its thread", async () => {
    const count = shared();
    const worker = new Worker(fixture("thread"), { workerData: { what: "tick", count } });
    assert.deepEqual(await once(worker, "message"), ["ticking"]);
    await worker.terminate();
    const last = Atomics.load(count, 0);
    assert.equal(Atomics.wait(count, 0, last, 100), "timed-out");
  });
});
