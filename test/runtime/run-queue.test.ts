import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { test } from "node:test";
import { RunQueue, type Turn } from "../../src/runtime/run-queue.ts";

/** A unit that awaits its turn and logs it, as a task or an actor does. */
class Unit implements Turn {
  readonly #queue: RunQueue;
  #resume: (() => void) | undefined;
  chargedMs: number = 0;

  constructor(queue: RunQueue) {
    this.#queue = queue;
  }

  wake(): void {
    this.#queue.add(this);
  }

  run(): void {
    this.#resume?.();
  }

  charge(elapsedMs: number): void {
    this.chargedMs += elapsedMs;
  }

  park(): Promise<void> {
    const parked = new Promise<void>((resolve) => {
      this.#resume = resolve;
    });
    this.#queue.parked(this);
    return parked;
  }
}

test("units get their turns in the order in which they were added", async () => {
  const queue = new RunQueue();
  const log: number[] = [];
  const done = [1, 2, 3].map(async (n) => {
    const unit = new Unit(queue);
    const turn = unit.park();
    unit.wake();
    await turn;
    log.push(n);
    void unit.park();
  });
  await Promise.all(done);
  assert.deepEqual(log, [1, 2, 3]);
});

test("nobody else is resumed while the unit that has the turn awaits microtasks", async () => {
  const queue = new RunQueue();
  const log: string[] = [];
  const run = async (name: string): Promise<void> => {
    const unit = new Unit(queue);
    const turn = unit.park();
    unit.wake();
    await turn;
    log.push(`${name} begins`);
    for (let i = 0; i < 20; i++) await Promise.resolve();
    log.push(`${name} ends`);
    void unit.park();
  };
  await Promise.all([run("a"), run("b")]);
  assert.deepEqual(log, ["a begins", "a ends", "b begins", "b ends"]);
});

test("a unit that awaits something else hands its turn back when the microtasks are drained", async () => {
  const queue = new RunQueue();
  const log: string[] = [];
  const first = new Unit(queue);
  const firstTurn = first.park();
  const second = new Unit(queue);
  const secondTurn = second.park();
  first.wake();
  second.wake();
  const foreign = Promise.withResolvers<void>();
  const done = firstTurn.then(async () => {
    log.push("first awaits");
    await foreign.promise;
    log.push("first goes on");
    assert.equal(queue.current, undefined);
  });
  await secondTurn;
  log.push("second");
  assert.equal(queue.current, second);
  setImmediate(foreign.resolve);
  await done;
  assert.deepEqual(log, ["first awaits", "second", "first goes on"]);
});

test("two units that wake each other for ever starve neither timers nor immediates", async () => {
  const queue = new RunQueue();
  const stop = new AbortController();
  const [a, b] = [new Unit(queue), new Unit(queue)];
  const loop = async (self: Unit, other: Unit): Promise<void> => {
    while (!stop.signal.aborted) {
      const turn = self.park();
      other.wake();
      await turn;
    }
    other.wake();
  };
  const done = Promise.race([loop(a, b), loop(b, a)]);
  await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setImmediate(resolve));
  stop.abort();
  await done;
});

test("says at the end of a round that nobody has a turn or waits for one, and not before", async () => {
  const queue = new RunQueue();
  const log: string[] = [];
  const rested = Promise.withResolvers<void>();
  queue.onIdle = () => {
    log.push(`idle ${queue.isIdle}`);
    rested.resolve();
  };
  const units = ["a", "b"].map((name) => {
    const unit = new Unit(queue);
    const run = async (): Promise<void> => {
      await unit.park();
      log.push(`${name} ${queue.isIdle}`);
      unit.wake();
      await unit.park();
      log.push(`${name} ${queue.isIdle}`);
    };
    void run();
    return unit;
  });
  assert.equal(queue.isIdle, true);
  for (const unit of units) unit.wake();
  assert.equal(queue.isIdle, false);
  await rested.promise;
  assert.deepEqual(log, ["a false", "b false", "a false", "b false", "idle true"]);
});

test("starting many units needs no stack", async () => {
  const queue = new RunQueue();
  let started = 0;
  const all = Promise.withResolvers<void>();
  for (let i = 0; i < 100_000; i++) {
    const unit: Turn = {
      run: () => {
        started += 1;
        if (started === 100_000) all.resolve();
        queue.parked(unit);
      },
    };
    queue.add(unit);
  }
  await all.promise;
  assert.equal(queue.length, 0);
});

test("a turn begins in no async context, whoever asked for it", async () => {
  const queue = new RunQueue();
  const storage = new AsyncLocalStorage<string>();
  const seen = Promise.withResolvers<string | undefined>();
  storage.run("of the waker", () => queue.add({ run: () => seen.resolve(storage.getStore()) }));
  assert.equal(await seen.promise, undefined);
});

test("run time is charged to the unit that took it", async () => {
  const queue = new RunQueue();
  const [busy, idle] = [new Unit(queue), new Unit(queue)];
  const loop = async (unit: Unit, work: () => void): Promise<void> => {
    for (let i = 0; i < 20; i++) {
      const turn = unit.park();
      unit.wake();
      await turn;
      work();
    }
    void unit.park();
  };
  const spin = (): void => {
    const end = performance.now() + 1;
    while (performance.now() < end);
  };
  await Promise.all([loop(busy, spin), loop(idle, () => {})]);
  assert.ok(busy.chargedMs > 15 && busy.chargedMs > idle.chargedMs, `busy ${busy.chargedMs}, idle ${idle.chargedMs}`);
});

test("where units may be ended, a round begins when nothing of others is queued", async () => {
  const queue = new RunQueue();
  queue.isInterruptible = true;
  const log: string[] = [];
  const begun = Promise.withResolvers<void>();
  const other = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) {
      await new Promise<void>((resolve) => process.nextTick(resolve));
      await Promise.resolve();
    }
    log.push("another chain of ticks and promises");
  };
  setTimeout(() => {
    queue.add({
      run: () => {
        log.push("the turn");
        begun.resolve();
      },
    });
    void other();
  });
  await begun.promise;
  assert.deepEqual(log, ["another chain of ticks and promises", "the turn"]);
});

test("a unit that is condemned is told, and the others go on without it", async () => {
  const queue = new RunQueue();
  const cutOff = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  queue.add({
    // Its stretch never ends by passing the turn on.
    run: () => queue.condemn(queue.current),
    cutOff: () => cutOff.resolve(),
  });
  queue.add({ run: () => second.resolve() });
  await Promise.all([cutOff.promise, second.promise]);
});

test("where units may be ended, a unit that goes on beside what it has begun is alone until its next await", async () => {
  const queue = new RunQueue();
  queue.isInterruptible = true;
  const log: string[] = [];
  const done = Promise.withResolvers<void>();
  const second: Turn = {
    run: () => {
      log.push("second");
      assert.equal(queue.hasResumedAnother(first), true);
      assert.equal(queue.hasResumedAnother(second), false);
      done.resolve();
    },
    view: () => undefined,
  };
  const first: Turn = {
    run: () => {
      log.push("first");
      queue.mayPark(first);
      queue.mayPark(first);
      log.push("goes on");
      assert.equal(queue.hasResumedAnother(first), false);
    },
    view: () => undefined,
  };
  queue.add(first);
  queue.add(second);
  await done.promise;
  assert.deepEqual(log, ["first", "goes on", "second"]);
});

test("what a unit waits for beside goes on in its turn, and nobody else's", async () => {
  const queue = new RunQueue();
  const log: string[] = [];
  const owner: Turn = { run: () => {} };
  const owners = new Map<Turn, Turn>();
  const part = (name: string): Turn => {
    const turn: Turn = {
      run: () => {
        log.push(name);
        queue.runWhile((next, unit) => owners.get(next) === unit, owner);
        if (name === "a1") log.push("end of the turn");
      },
    };
    return turn;
  };
  const [a1, a2, b, a3] = [part("a1"), part("a2"), part("b"), part("a3")];
  for (const turn of [a1, a2, a3]) owners.set(turn, owner);
  for (const turn of [a1, a2, b, a3]) queue.add(turn);
  while (log.length < 5) await new Promise(setImmediate);
  assert.deepEqual(log, ["a1", "a2", "end of the turn", "b", "a3"]);
});
