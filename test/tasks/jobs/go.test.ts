import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { runtime } from "../../../src/runtime/runtime.ts";
import {
  blocking,
  Channel,
  Context,
  dumpTasks,
  go,
  Mutex,
  Once,
  Pool,
  Semaphore,
  setSchedulerThreads,
  SingleFlight,
  sleep,
  TaskGroup,
  WaitGroup,
  yieldNow,
  transfer,
} from "../../../src/tasks/index.ts";
import { lets } from "../../support/loops.ts";
import { warningOf } from "../../support/warnings.ts";
import { hopsAndHolds } from "../../fixtures/tasks/elsewhere.ts";
import * as movable from "../../fixtures/tasks/movable.ts";

setSchedulerThreads(2);
const run = promisify(execFile);

function words(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(8));
}

/** Waits for `hold` to run: it then blocks its thread until the first word is set. */
async function untilHeld(word: Int32Array): Promise<void> {
  while (Atomics.load(word, 1) === 0) await new Promise(setImmediate);
}

const ended = Context.background().withCancel();
ended.cancel();
const closed = new Channel<number>();
void closed.close();
const [once, waitGroup, flights, pool] = [new Once(), new WaitGroup(), new SingleFlight(), new Pool(() => ({}))];

/** Operations that need not wait, and such that fail at once. */
const atOnce: Readonly<Record<string, () => unknown>> = {
  "once.do()": () => once.do(() => 1),
  "waitGroup.wait()": () => waitGroup.wait(),
  "singleFlight.do()": () => flights.do("key", () => 1),
  "pool.with()": () => pool.with(() => 1),
  "the end of an empty TaskGroup": () => new TaskGroup().wait(),
  "sends on a closed channel": () => closed.send(1),
  "channel.receive() with a context that is cancelled": () => new Channel().receive(ended),
  "mutex.lock() with a context that is cancelled": () => new Mutex().lock(ended),
  "semaphore.acquire() with a context that is cancelled": () => new Semaphore(1).acquire(1, ended),
};

describe("go", () => {
  test("runs a registered task on a scheduler thread, and a closure here", async () => {
    assert.notEqual(await go(movable.where), runtime().self);
    assert.equal(await go(() => runtime().self), runtime().self);
    assert.equal(await go(movable.add, 1, 2), 3);
    assert.equal(await go((a: number, b: number) => a + b, 3, 4), 7);
  });

  test("lets the caller go on first", async () => {
    const order: string[] = [];
    const handle = go(() => void order.push("task"));
    order.push("caller");
    await handle;
    assert.deepEqual(order, ["caller", "task"]);
  });

  test("spreads tasks over the threads, the least loaded first", async () => {
    const word = words();
    const held = go(movable.hold, word);
    await untilHeld(word);
    const other = await go(movable.where);
    assert.equal(await go(movable.mark, word), other);
    await held;
  });

  test("lets an idle thread steal a task that has not started", async () => {
    const [first, second] = [words(), words()];
    const holding = [go(movable.hold, first), go(movable.hold, second)];
    await Promise.all([untilHeld(first), untilHeld(second)]);
    const waiting = Array.from({ length: 10 }, () => go(movable.where));
    Atomics.store(second, 0, 1);
    await holding[1];
    // Half of them were placed behind the task that still holds its thread.
    const threads = new Set(await Promise.all(waiting));
    assert.equal(threads.size, 1);
    Atomics.store(first, 0, 1);
    await holding[0];
  });

  test("of arguments that can't be cloned is an error at the call", () => {
    assert.throws(() => go(movable.echo, () => 1), { code: "NOT_CLONEABLE" });
    assert.throws(() => go(5 as never), { code: "TASK_INVALID" });
  });

  test("copies arguments at the call, and moves what is to be transferred, both ways", async () => {
    const value = { n: 1 };
    const handle = go(movable.echo, value);
    value.n = 2;
    assert.deepEqual(await handle, { n: 1 });
    const bytes = new Uint8Array([1]);
    assert.deepEqual(await go(movable.echo, transfer(bytes, [bytes.buffer])), new Uint8Array([1]));
    assert.equal(bytes.length, 0);
  });

  test("gives whoever awaits the handle what the task threw", async () => {
    await assert.rejects(Promise.resolve(go(movable.fail)), (error) => {
      assert.ok(error instanceof RangeError);
      assert.equal(error.message, "out of range on purpose");
      return true;
    });
    const thrown = new Error("here");
    await assert.rejects(
      Promise.resolve(
        go(() => {
          throw thrown;
        }),
      ),
      thrown,
    );
    await assert.rejects(Promise.resolve(go(movable.unclonable)), { code: "NOT_CLONEABLE" });
  });

  test("fails the tasks of a thread that dies, and the next ones run on another", async () => {
    await assert.rejects(Promise.resolve(go(movable.die)), (error) => {
      assert.equal((error as { code?: string }).code, "THREAD_DIED");
      assert.match((error as Error).message, /the task "die" was lost with its thread/);
      return true;
    });
    assert.equal(await go(movable.add, 1, 1), 2);
  });

  test("has handles with an id that dumps know", async () => {
    const [ready, never] = [new Channel<string>(), new Channel<never>()];
    const there = go(movable.parked, ready, never);
    await ready.receive();
    const started = Promise.withResolvers<void>();
    const here = go(async function waitsHere() {
      started.resolve();
      await never.receive();
    });
    await started.promise;
    let dump = await dumpTasks();
    // It may not have heard yet that what it sent was taken. On a busy machine its thread may not answer in time.
    while (dump.find(({ id }) => id === there.id)?.where !== "receive") dump = await dumpTasks();
    const mine = dump.find(({ id }) => id === here.id);
    assert.deepEqual(
      { ...mine, since: 0 },
      {
        id: here.id,
        name: "waitsHere",
        thread: 0,
        state: "parked",
        where: "receive",
        since: 0,
      },
    );
    const theirs = dump.find(({ id }) => id === there.id);
    assert.equal(theirs?.name, "parked");
    assert.equal(theirs.state, "parked");
    assert.equal(theirs.where, "receive");
    assert.notEqual(theirs.thread, 0);
    assert.ok(Math.abs(theirs.since - Date.now()) < 60_000);
    await never.close();
    await Promise.all([here, there]);
    for (const left of await dumpTasks()) assert.ok(left.id !== here.id && left.id !== there.id, left.name);
  });
});

describe("a dump", () => {
  test("can be taken while a thread computes", async () => {
    const word = words();
    const held = go(movable.hold, word);
    await untilHeld(word);
    const dump = await dumpTasks();
    Atomics.store(word, 0, 1);
    await held;
    assert.deepEqual(
      dump.map(({ name, state, where }) => ({ name, state, where })),
      [{ name: "hold", state: "running", where: "does not answer" }],
    );
  });
});

describe("a dump of a thread that computes", () => {
  test("names the task that does, also of several that hop from one to the other", async () => {
    const word = words();
    const hopping = go(hopsAndHolds, word);
    await untilHeld(word);
    const dump = await dumpTasks();
    Atomics.store(word, 0, 1);
    await hopping;
    assert.deepEqual(
      dump.map(({ name, state, where }) => ({ name, state, where })),
      [{ name: "second", state: "running", where: "does not answer" }],
    );
  });
});

describe("cancel", () => {
  test("gives Canceled, with the reason as its cause, and cancels the task's context", async () => {
    const reason = new Error("no longer wanted");
    let seen: Context | undefined;
    const started = Promise.withResolvers<void>();
    const handle = go(async () => {
      seen = Context.current();
      started.resolve();
      await seen.done.receive();
    });
    // One that was cancelled before it started never would.
    await started.promise;
    handle.cancel(reason);
    handle.cancel("again");
    await assert.rejects(Promise.resolve(handle), (error) => {
      assert.equal((error as { code?: string }).code, "CANCELED");
      assert.equal((error as Error).cause, reason);
      return true;
    });
    assert.equal(seen?.error?.code, "CANCELED");
    assert.equal(seen?.cause, reason);
  });

  test("reaches a task on another thread", async () => {
    const [ready, word] = [new Channel<string>(), words()];
    const handle = go(movable.watchesItself, ready, word);
    await ready.receive();
    handle.cancel();
    await assert.rejects(Promise.resolve(handle), { code: "CANCELED" });
    await handle.ended();
    assert.equal(word[0], 1);
  });

  test("before the start means that it never starts", async () => {
    let ran = false;
    const here = go(() => void (ran = true));
    here.cancel();
    await assert.rejects(Promise.resolve(here), { code: "CANCELED" });
    const [first, second, word] = [words(), words(), words()];
    const holding = [go(movable.hold, first), go(movable.hold, second)];
    await Promise.all([untilHeld(first), untilHeld(second)]);
    const there = go(movable.mark, word);
    there.cancel();
    await assert.rejects(Promise.resolve(there), { code: "CANCELED" });
    for (const each of [first, second]) Atomics.store(each, 0, 1);
    await Promise.all(holding);
    await Promise.all([go(movable.where), go(movable.where)]);
    assert.equal(ran, false);
    assert.equal(word[0], 0);
  });

  test("of one that has ended changes nothing", async () => {
    const handle = go(() => 1);
    assert.equal(await handle, 1);
    handle.cancel();
    assert.equal(await handle, 1);
  });
});

describe("blocking", () => {
  test("runs each task on a thread that does nothing else meanwhile", async () => {
    const [first, second] = [words(), words()];
    const both = [blocking(movable.block, first), blocking(movable.block, second)];
    for (const word of [first, second]) while (Atomics.load(word, 1) === 0) await new Promise(setImmediate);
    for (const word of [first, second]) {
      Atomics.store(word, 0, 1);
      Atomics.notify(word, 0);
    }
    const [a, b] = await Promise.all(both);
    assert.notEqual(a, b);
  });

  test("runs one after the other when there are no more threads", async () => {
    runtime().resize("blocking", 2);
    const results = await Promise.all(Array.from({ length: 20 }, () => blocking(movable.add, 1, 2)));
    assert.deepEqual(new Set(results), new Set([3]));
  });

  test("refuses closures, and passes errors on", async () => {
    assert.throws(() => blocking((() => 1) as never), { code: "TASK_INVALID" });
    await assert.rejects(Promise.resolve(blocking(movable.fail)), RangeError);
  });
});

describe("the scheduler", () => {
  for (const [what, unit] of [
    ["two tasks that only ping-pong", go],
    ["two plain functions that only ping-pong", (fn: () => Promise<void>) => fn()],
  ] as const) {
    test(`does not let ${what} starve timers or I/O`, async () => {
      const [a, b] = [new Channel<number>(), new Channel<number>()];
      const state = { over: false };
      const ping = unit(async () => {
        while (!state.over) {
          await a.send(1);
          await b.receive();
        }
        void a.close();
      });
      const pong = unit(async () => {
        for await (const value of a) await b.send(value);
      });
      // These could not settle if they were starved: nothing would ever set it.
      await new Promise((resolve) => setTimeout(resolve, 10));
      await new Promise(setImmediate);
      state.over = true;
      await Promise.all([ping, pong]);
    });
  }

  test("does not let one that never needs to wait starve timers or others", async () => {
    const channel = new Channel<number>(1);
    const state = { over: false };
    const greedy = go(async () => {
      while (!state.over) {
        await channel.send(1);
        await channel.receive();
      }
    });
    const yielding = go(async () => {
      while (!state.over) await yieldNow();
    });
    await sleep(5);
    state.over = true;
    await Promise.all([greedy, yielding]);
  });

  for (const [what, operation] of Object.entries(atOnce)) {
    test(`does not let one that only awaits ${what} starve timers or I/O`, async () => {
      assert.equal(await go(() => lets(operation)), true);
      assert.equal(await lets(operation), true);
    });
  }

  test("reports a task that never awaits, with its name", async () => {
    const warned = warningOf("TASK_BLOCKS");
    const word = words();
    const held = go(movable.hold, word);
    const warning = await warned;
    Atomics.store(word, 0, 1);
    await held;
    assert.match(
      warning.message,
      /the task "hold" has run for \d+ ms on scheduler thread \d+, in .*movable\.ts:\d+:\d+\), without awaiting/,
    );
  });
});

for (const [file, output, code] of [
  ["exit-quiet", "done\n", 0],
  ["exit-left-behind", "from a timer of the task\n", 0],
  ["exit-unhandled", "", 1],
] as const) {
  test(`a program ends by itself: ${file}`, async () => {
    const path = new URL(`../../fixtures/tasks/${file}.ts`, import.meta.url).pathname;
    // The timeout is patience: it ends a program that hangs, with an error.
    const ended = await run(process.execPath, [path], { timeout: 30_000 }).catch(
      (error: { stdout: string; stderr: string; code: number }) => error,
    );
    assert.equal(ended.stdout, output);
    assert.equal("code" in ended ? ended.code : 0, code);
    if (code === 1) {
      const told = ended.stderr.match(/the task "unheard" failed, and its handle was never awaited: on purpose/g);
      assert.equal(told?.length, 1, ended.stderr);
    }
  });
}
