/** Both sides of the row: `prefetched-connection.ts` puts and takes back, `prefetch-consumer.ts` takes. */

import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { describe, test } from "node:test";
import { COUNTER, LoadRow } from "../../../../src/supervise/load-board.ts";
import type { Accepted } from "../../../../src/server/worker/accept/accepted.ts";
import { Ahead, type TakingThread } from "../../../../src/server/worker/accept/prefetched-connection.ts";
import { PrefetchConsumer } from "../../../../src/server/worker/accept/prefetch-consumer.ts";

const context = new AsyncLocalStorage<string>();

const fd = (number: number): Accepted => ({ kind: "fd", fd: number });

class FakeThread implements TakingThread {
  readonly row = LoadRow.create();
  state = "ready";
  wakes = 0;
  tells = 0;
  /** Behind a connection that has ended. */
  handlerRuns = false;
  next: (() => void) | undefined;
  readonly given: Accepted[] = [];
  readonly begun: number[] = [];
  readonly contexts: (string | undefined)[] = [];
  readonly turn: PrefetchConsumer = new PrefetchConsumer({
    row: this.row,
    isFree: () => this.open === 0,
    whenIdle: (next) => {
      if (this.handlerRuns) this.next = next;
      else next();
    },
    begin: (number) => {
      this.begun.push(number);
      this.contexts.push(context.getStore());
    },
    tell: () => void this.tells++,
  });
  get open(): number {
    return this.row.read(COUNTER.connections);
  }
  wake(): void {
    this.wakes++;
  }
  give(accepted: Accepted, counted: boolean): void {
    assert.ok(counted);
    this.given.push(accepted);
  }
}

function setUp(threads = 1): { ahead: Ahead; threads: FakeThread[]; told: string[] } {
  const all = Array.from({ length: threads }, () => new FakeThread());
  const told: string[] = [];
  const ahead = new Ahead({
    threads: () => all,
    takes: () => all.some(({ state }) => state === "ready"),
    room: () => Infinity,
    onFull: () => {},
    tell: ({ received, open, idle }, written) => {
      told.push(`${received} ${open} ${idle}`);
      assert.equal(all.flatMap(({ given }) => given).length, 0, "sent after it was told");
      written();
    },
    tellNotBegun: () => void told.push("not begun"),
  });
  return { ahead, threads: all, told };
}

describe("the connection ahead", () => {
  test("wakes a thread that has none, and is taken by a busy one when its own has ended", () => {
    const { ahead, threads } = setUp();
    const [thread] = threads as [FakeThread];
    ahead.put(fd(7));
    assert.deepEqual([thread.wakes, thread.begun], [1, []]);
    thread.turn.look();
    ahead.settle();
    assert.deepEqual([thread.begun, thread.open, ahead.begun, ahead.isFull], [[7], 1, 1, false]);
    ahead.put(fd(0));
    thread.turn.look();
    assert.deepEqual([thread.wakes, thread.begun, ahead.isFull], [1, [7], true]);
    thread.turn.ended();
    assert.deepEqual([thread.begun, thread.open], [[7, 0], 1]);
    thread.turn.ended();
    ahead.settle();
    assert.deepEqual([thread.open, ahead.begun, thread.tells], [0, 2, 3]);
  });

  test("is not taken while the handler of the one before goes on", () => {
    const { ahead, threads } = setUp();
    const [thread] = threads as [FakeThread];
    ahead.put(fd(7));
    thread.turn.look();
    ahead.settle();
    thread.handlerRuns = true;
    thread.turn.ended();
    ahead.put(fd(8));
    thread.turn.look();
    assert.deepEqual([thread.begun, thread.open], [[7], 1], "to others it has a connection still");
    thread.next!();
    assert.deepEqual([thread.begun, thread.open], [[7, 8], 1]);
  });

  test("is had by exactly one of the two", () => {
    const { ahead, threads } = setUp();
    const [thread] = threads as [FakeThread];
    ahead.put(fd(7));
    assert.deepEqual(ahead.takeBack(), fd(7));
    thread.turn.look();
    assert.deepEqual([thread.begun, thread.open, ahead.begun], [[], 0, 0]);
    ahead.put(fd(8));
    thread.turn.look();
    assert.equal(ahead.takeBack(), undefined);
    assert.deepEqual([thread.begun, ahead.begun, ahead.isFull], [[8], 1, false]);
    assert.equal(ahead.takeBack(), undefined, "nor twice");
    assert.equal(ahead.begun, 1);
  });

  test("is not left lying when it is put while the thread gives up its last one", () => {
    // Before each step of the thread, in turn: the put must be seen by the thread, or wake it.
    for (const operation of ["exchange", "sub", "load"] as const) {
      for (const when of ["before", "after"] as const) {
        const { ahead, threads } = setUp();
        const [thread] = threads as [FakeThread];
        Atomics.add(thread.row.counters, COUNTER.connections, 1);
        const original = Atomics[operation] as (...args: unknown[]) => unknown;
        Reflect.set(Atomics, operation, (...args: unknown[]) => {
          Reflect.set(Atomics, operation, original);
          if (when === "before") ahead.put(fd(7));
          const result = original(...args);
          if (when === "after") ahead.put(fd(7));
          return result;
        });
        try {
          thread.turn.ended();
        } finally {
          Reflect.set(Atomics, operation, original);
        }
        if (thread.begun.length === 0) {
          assert.equal(thread.wakes, 1, `${when} ${operation}`);
          thread.turn.look();
        }
        assert.deepEqual([thread.begun, thread.open], [[7], 1], `${when} ${operation}`);
      }
    }
  });

  test("does not begin in the async context in which the one before it ended", () => {
    const { ahead, threads } = setUp();
    const [thread] = threads as [FakeThread];
    Atomics.add(thread.row.counters, COUNTER.connections, 1);
    ahead.put(fd(7));
    context.run("of the one before", () => thread.turn.ended());
    assert.deepEqual([thread.begun, thread.contexts], [[7], [undefined]]);
  });

  test("leaves a thread that is replaced, and waits until that one has none", () => {
    const { ahead, threads } = setUp(2);
    const [old, next] = threads as [FakeThread, FakeThread];
    next.state = "booting";
    Atomics.add(old.row.counters, COUNTER.connections, 1);
    ahead.put(fd(7));
    old.state = "draining";
    old.turn.stop();
    next.state = "ready";
    ahead.settle();
    assert.deepEqual([next.wakes, old.row.read(COUNTER.ahead), ahead.isFull], [0, 0, true]);
    old.turn.ended();
    ahead.settle();
    assert.deepEqual([old.begun, next.wakes], [[], 1]);
    next.turn.look();
    assert.deepEqual(next.begun, [7]);
  });

  test("waits here while no thread is ready, and can be taken back", () => {
    const { ahead, threads } = setUp();
    threads[0]!.state = "booting";
    ahead.put(fd(7));
    assert.deepEqual([ahead.isFull, ahead.takeBack(), ahead.begun], [true, fd(7), 0]);
  });

  test("that is no descriptor is sent to the thread when it has none, after the arbiter was told", () => {
    const { ahead, threads, told } = setUp();
    const [thread] = threads as [FakeThread];
    const accepted: Accepted = { kind: "socket", socket: {} as never };
    Atomics.add(thread.row.counters, COUNTER.connections, 1);
    ahead.put(accepted);
    assert.deepEqual([thread.given, ahead.begun], [[], 0]);
    thread.turn.ended();
    ahead.settle();
    assert.deepEqual([thread.given, ahead.begun, ahead.isFull], [[accepted], 1, false]);
    assert.deepEqual(told, ["1 1 false"]);
  });

  test("whose client left on the way is over", () => {
    const { ahead, told } = setUp();
    ahead.receive(undefined);
    assert.deepEqual([ahead.begun, ahead.isFull, told], [1, false, ["1 0 true"]]);
  });

  test("is told of: what was begun, and that a worker is not idle as long as there is one", () => {
    const { ahead, threads, told } = setUp();
    const [thread] = threads as [FakeThread];
    ahead.tell();
    ahead.put(fd(7));
    ahead.tell();
    thread.turn.look();
    ahead.tell();
    ahead.tell();
    thread.turn.ended();
    ahead.tell();
    assert.deepEqual(told, ["0 0 true", "0 0 false", "1 1 false", "1 0 true"]);
  });
});
