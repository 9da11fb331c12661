import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { SharedSemaphore } from "../../../../src/kit/shared-semaphore.ts";
import type { WaitEnd } from "../../../../src/server/models/model.ts";
import type { Exchange } from "../../../../src/server/http/exchange.ts";
import { createLedger, Gate, type GateHandle, settleLedger } from "../../../../src/server/http/admit/gate.ts";
import type { GateThreadData } from "./gate-thread.ts";

interface Setup {
  readonly slots: SharedSemaphore;
  readonly handle: GateHandle;
  readonly gate: Gate;
  /** A second thread's gate over the same slots. */
  readonly other: Gate;
}

function setup(limit: number, queue: number, queueTimeoutMs = 0): Setup {
  const slots = SharedSemaphore.create(limit, queue);
  const handle = { slots: slots.handle, ledger: createLedger() };
  const other = new Gate({ slots: slots.handle, ledger: createLedger() }, queueTimeoutMs);
  return { slots, handle, gate: new Gate(handle, queueTimeoutMs), other };
}

interface Waiting {
  readonly exchange: Exchange;
  readonly joined: boolean;
  ends: WaitEnd[];
}

function wait(gate: Gate, nowMs = 0): Waiting {
  const exchange = {} as Exchange;
  const ends: WaitEnd[] = [];
  return { exchange, ends, joined: gate.enqueue(exchange, nowMs, (end) => ends.push(end)) };
}

/** Atomics.waitAsync keeps nothing alive. */
async function staysAlive<T>(work: Promise<T>): Promise<T> {
  const alive = setInterval(() => {}, 1000);
  try {
    return await work;
  } finally {
    clearInterval(alive);
  }
}

describe("the gate, on one thread", () => {
  test("admits up to the limit, lets as many wait as may, and sheds the rest", () => {
    const { gate } = setup(2, 1);
    assert.deepEqual([gate.tryEnter(), gate.tryEnter(), gate.tryEnter()], [true, true, false]);
    assert.deepEqual([wait(gate).joined, wait(gate).joined], [true, false]);
  });

  test("passes a slot on in the order of arrival, each exactly once", () => {
    const { gate, slots } = setup(1, 10);
    gate.tryEnter();
    const waiting = [wait(gate), wait(gate), wait(gate)];
    const seen = (): number[] => waiting.map(({ ends }) => ends.length);
    gate.release();
    assert.deepEqual(seen(), [1, 0, 0]);
    gate.release();
    gate.release();
    assert.deepEqual(seen(), [1, 1, 1]);
    gate.release();
    assert.deepEqual([slots.taken, slots.waiting], [0, 0]);
  });

  test("lets nobody in past those who wait", () => {
    const { gate } = setup(1, 10);
    gate.tryEnter();
    wait(gate);
    gate.release();
    assert.equal(gate.tryEnter(), false);
  });

  test("times out what has waited too long, and nothing else", () => {
    const { gate, slots } = setup(1, 10, 100);
    gate.tryEnter();
    const early = wait(gate, 0);
    const late = wait(gate, 50);
    gate.sweep(99);
    assert.deepEqual([early.ends, late.ends], [[], []]);
    gate.sweep(100);
    assert.deepEqual([early.ends, late.ends], [["timed-out"], []]);
    assert.equal(slots.waiting, 1);
    gate.release();
    gate.sweep(1000);
    assert.deepEqual([early.ends, late.ends], [["timed-out"], ["admitted"]]);
  });

  test("never times out when the queue timeout is off", () => {
    const { gate } = setup(1, 1, 0);
    gate.tryEnter();
    const waiting = wait(gate);
    gate.sweep(1e12);
    assert.deepEqual(waiting.ends, []);
  });

  test("forgets one whose client has gone, which is then never admitted", () => {
    const { gate, slots } = setup(1, 1);
    gate.tryEnter();
    const waiting = wait(gate);
    assert.equal(gate.forget(waiting.exchange), true);
    assert.equal(gate.forget(waiting.exchange), false);
    gate.release();
    assert.deepEqual(waiting.ends, []);
    assert.deepEqual([slots.taken, slots.waiting], [0, 0]);
  });
});

describe("the gate, between threads", () => {
  test("a slot given back by one thread goes to who waits on another", async () => {
    const { gate, other } = setup(1, 10);
    gate.tryEnter();
    const admitted = new Promise((resolve) => other.enqueue({} as Exchange, 0, resolve));
    gate.release();
    assert.equal(await staysAlive(admitted), "admitted");
  });

  test("a slot given back between a refusal and the wait for it is not lost", async () => {
    const { gate, other } = setup(1, 10);
    gate.tryEnter();
    // Its listening to other threads has begun, and stays on after its only waiter has gone.
    const first = wait(other);
    await Promise.resolve();
    other.forget(first.exchange);
    assert.equal(other.tryEnter(), false);
    gate.release();
    const admitted = new Promise((resolve) => other.enqueue({} as Exchange, 0, resolve));
    assert.equal(await staysAlive(admitted), "admitted");
  });

  test("four threads never hold more than the limit, and every request gets its turn", async () => {
    const limit = 3;
    const slots = SharedSemaphore.create(limit, 1000);
    const counts = new SharedArrayBuffer(12);
    const threads = Array.from({ length: 4 }, () => start(slots, counts, { entries: 400, atOnce: 6 }));
    await Promise.all(threads.map(({ worker }) => once(worker, "exit")));
    const [inside, most, admitted] = new Int32Array(counts);
    assert.deepEqual([inside, admitted, slots.taken, slots.waiting], [0, 4 * 6 * 400, 0, 0]);
    assert.ok(most! <= limit, `${most} were inside at once`);
    assert.equal(most, limit, "the limit is used, too");
  });

  test("what a killed thread held and waited for is given back, and wakes who waits on another", async () => {
    const { slots, gate } = setup(2, 10);
    const counts = new SharedArrayBuffer(12);
    const { worker, handle } = start(slots, counts, { entries: 1, atOnce: 3, stays: true });
    for (let said = 0; said < 3; said++) await once(worker, "message");
    assert.deepEqual([slots.taken, slots.waiting], [2, 1]);
    const admitted = new Promise((resolve) => gate.enqueue({} as Exchange, 0, resolve));
    await worker.terminate();
    settleLedger(handle);
    assert.equal(await staysAlive(admitted), "admitted");
    assert.deepEqual([slots.taken, slots.waiting], [1, 0]);
    settleLedger(handle);
    assert.equal(slots.taken, 1, "settling twice gives nothing back twice");
  });
});

function start(
  slots: SharedSemaphore,
  counts: SharedArrayBuffer,
  { entries, atOnce, stays = false }: Pick<GateThreadData, "entries" | "atOnce"> & { stays?: boolean },
): { worker: Worker; handle: GateHandle } {
  const handle = { slots: slots.handle, ledger: createLedger() };
  const workerData: GateThreadData = { gate: handle, counts, entries, atOnce, stays };
  return { worker: new Worker(new URL("gate-thread.ts", import.meta.url), { workerData }), handle };
}
