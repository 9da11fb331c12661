import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { test } from "node:test";
import { RunQueue, type Turn } from "../../src/runtime/run-queue.ts";

/** The round's time, where a test is not about it: on a busy machine it may be up at any moment. */
const ENDLESS_MS = 3_600_000;

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
  const queue = new RunQueue(ENDLESS_MS);
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
  const queue = new RunQueue(ENDLESS_MS);
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
  const queue = new RunQueue(ENDLESS_MS);
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

test("on a thread whose timers and I/O take long, units get as much time as these", async (t) => {
  let nowMs = 0;
  t.mock.method(performance, "now", () => nowMs);
  const queue = new RunQueue();
  const spent = { units: 0, others: 0 };
  const turn: Turn = {
    run: () => {
      nowMs += 0.5;
      spent.units += 0.5;
      if (spent.others < 1000) queue.add(turn);
      queue.parked(turn);
    },
  };
  queue.add(turn);
  while (spent.others < 1000) {
    await new Promise((resolve) => setImmediate(resolve));
    nowMs += 10;
    spent.others += 10;
  }
  assert.ok(spent.units > 800 && spent.units < 1300, `units ${spent.units} ms, others ${spent.others} ms`);
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

test("run time is charged to the unit that took it", async (t) => {
  let nowMs = 0;
  t.mock.method(performance, "now", () => (nowMs += 0.001));
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
  const spin = (): void => void (nowMs += 1);
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

test("where units may be ended, a unit that parks and computes on is ended before the next one was resumed", async () => {
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
      queue.parked(first);
      queue.parked(first);
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

/** A unit that needs no turn of its own, as tasks do. Woken, it goes on at once if it may. */
class Sharer implements Turn {
  readonly isShared = true;
  readonly #queue: RunQueue;
  #resume: (() => void) | undefined;

  constructor(queue: RunQueue) {
    this.#queue = queue;
  }

  /** Whether it went on at once. */
  wake(): boolean {
    const atOnce = this.#queue.resumesAtOnce();
    if (atOnce) this.#resume?.();
    else this.#queue.add(this);
    return atOnce;
  }

  run(): void {
    this.#queue.share();
    this.#resume?.();
  }

  park(): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = resolve;
    });
  }
}

test("units that share a turn go on side by side, and another one when the microtasks are drained", async () => {
  const queue = new RunQueue(ENDLESS_MS);
  const log: string[] = [];
  const share = async (name: string, unit: Sharer): Promise<void> => {
    await unit.park();
    for (let i = 1; i <= 3; i++) {
      log.push(`${name}${i}`);
      assert.equal(queue.current, undefined);
      await Promise.resolve();
    }
  };
  const [a, b, c] = [new Sharer(queue), new Sharer(queue), new Sharer(queue)];
  const alone = new Unit(queue);
  const run = async (): Promise<void> => {
    await alone.park();
    assert.equal(queue.current, alone);
    log.push("alone");
    await Promise.resolve();
    log.push("still alone");
    assert.equal(c.wake(), false, "while a unit has the turn, others are queued");
    void alone.park();
  };
  const done = Promise.all([share("a", a), share("b", b), run(), share("c", c)]);
  assert.equal(a.wake(), false, "outside of a round");
  b.wake();
  alone.wake();
  await done;
  assert.deepEqual(log, ["a1", "b1", "a2", "b2", "a3", "b3", "alone", "still alone", "c1", "c2", "c3"]);
});

test("a unit that is woken goes on at once only if nobody is queued before it", async () => {
  const queue = new RunQueue(ENDLESS_MS);
  const log: string[] = [];
  const [a, b, c] = [new Sharer(queue), new Sharer(queue), new Sharer(queue)];
  const queued = new Unit(queue);
  const run = async (): Promise<void> => {
    await a.park();
    assert.equal(b.wake(), true);
    queued.wake();
    assert.equal(c.wake(), false);
  };
  const say = async (name: string, parked: Promise<void>): Promise<void> => {
    await parked;
    log.push(name);
    if (name === "queued") void queued.park();
  };
  const done = [run(), say("b", b.park()), say("c", c.park()), say("queued", queued.park())];
  a.wake();
  await Promise.all(done);
  assert.deepEqual(log, ["b", "queued", "c"]);
});

test("units that wake each other at once for ever starve neither timers nor immediates, nor who needs a turn", async () => {
  const queue = new RunQueue();
  const stop = new AbortController();
  const [a, b] = [new Sharer(queue), new Sharer(queue)];
  const hops = { atOnce: 0 };
  const loop = async (self: Sharer, other: Sharer): Promise<void> => {
    while (!stop.signal.aborted) {
      const parked = self.park();
      if (other.wake()) hops.atOnce += 1;
      await parked;
    }
    other.wake();
  };
  const done = Promise.race([loop(a, b), loop(b, a)]);
  // On a busy machine a round may be over before they have begun.
  while (hops.atOnce === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setImmediate(resolve));
  const unit = new Unit(queue);
  const turn = unit.park();
  unit.wake();
  await turn;
  void unit.park();
  stop.abort();
  await done;
});

test("units that compute long between their wakings give way to timers and I/O after a few of them", async () => {
  const queue = new RunQueue();
  const [a, b] = [new Sharer(queue), new Sharer(queue)];
  const state = { hops: 0, over: false };
  const loop = async (self: Sharer, other: Sharer): Promise<void> => {
    while (!state.over) {
      const parked = self.park();
      const end = performance.now() + 1;
      while (performance.now() < end);
      state.hops += 1;
      other.wake();
      await parked;
    }
    other.wake();
  };
  const done = Promise.race([loop(a, b), loop(b, a)]);
  await new Promise((resolve) => setImmediate(resolve));
  const before = state.hops;
  await new Promise((resolve) => setImmediate(resolve));
  const hops = state.hops - before;
  state.over = true;
  await done;
  // 32 is the most without a look at the clock.
  assert.ok(hops <= 40, `${hops}`);
});
