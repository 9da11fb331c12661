import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { monotonicMs } from "../../../../src/kit/clock.ts";
import { bucketOf } from "../../../../src/kit/latency-histogram.ts";
import { COUNTER, LoadRow } from "../../../../src/supervise/load-board.ts";
import { Reporter } from "../../../../src/server/worker/report/report.ts";
import type { ThreadPool } from "../../../../src/server/worker/serving/serving-pool.ts";
import type { BlockedThreads } from "../../../../src/server/worker/blocked-threads.ts";

/** A thread that serves a whole request whenever anything of its row is looked at. */
class BusyRow {
  readonly #row = LoadRow.create();

  read(counter: number): number {
    this.#serve();
    return this.#row.read(counter);
  }

  get handlerCounts(): Uint32Array {
    this.#serve();
    return this.#row.handlerCounts;
  }

  get queueCounts(): Uint32Array {
    return this.#row.queueCounts;
  }

  get lateCounts(): Uint32Array {
    return this.#row.lateCounts;
  }

  #serve(): void {
    const { counters, handlerCounts } = this.#row;
    counters[COUNTER.started]!++;
    counters[COUNTER.failed]!++;
    counters[COUNTER.finished]!++;
    counters[COUNTER.clientGone]!++;
    handlerCounts[handlerCounts.length - 1]!++;
  }
}

test("a report of a thread that goes on meanwhile has no more ends than beginnings", () => {
  const thread = { index: 0, state: "gone", units: {}, row: new BusyRow() };
  const pool = Object.assign(new EventEmitter(), {
    threads: [thread],
    handlerPools: [],
    restarts: 0,
    runtimeUnits: { counts: () => [], members: () => [] },
    runtime: {},
  });
  const blocked = { blockedMs: () => 0 };
  const acceptor = { waiting: 0, isFull: false, room: Infinity };
  const reporter = new Reporter(pool as unknown as ThreadPool, blocked as unknown as BlockedThreads, acceptor, {
    slot: 0,
    generation: 1,
  });
  const { handler, counters } = reporter.report();
  const measured = handler.reduce((sum, [, count]) => sum + count, 0);
  assert.ok(measured > 0);
  assert.ok(counters.finished >= measured, `${measured} measured, ${counters.finished} finished`);
  assert.ok(counters.started >= counters.finished, `${counters.finished} finished, ${counters.started} started`);
  assert.ok(counters.started >= counters.failed, `${counters.failed} failed, ${counters.started} started`);
  assert.ok(counters.finished >= counters.clientGone, `${counters.clientGone} gone, ${counters.finished} finished`);
});

test("a report tells for how long each loop was busy, and how late its heartbeats came", () => {
  const row = LoadRow.create();
  const bootedMs = monotonicMs() - 1000;
  const thread = { index: 0, state: "ready", units: {}, row, bootedMs, utilisation: () => 0.5 };
  const pool = Object.assign(new EventEmitter(), {
    threads: [thread],
    handlerPools: [],
    restarts: 0,
    runtimeUnits: { counts: () => [], members: () => [] },
    runtime: {},
  });
  const blocked = { blockedMs: () => 0 };
  const acceptor = { waiting: 0, isFull: false, room: Infinity };
  const identity = { slot: 0, generation: 1 };
  const reporter = new Reporter(
    pool as unknown as ThreadPool,
    blocked as unknown as BlockedThreads,
    acceptor,
    identity,
  );
  row.idleMs = 400;
  row.lateCounts[bucketOf(50_000)]! += 2;
  const { busyMs, late } = reporter.report().threads[0]!;
  assert.ok(busyMs >= 600, String(busyMs));
  assert.equal(late.length, 1);
  const [upToMs, count] = late[0]!;
  assert.ok(upToMs >= 50 && upToMs < 52 && count === 2, late.join());
});

test("what a worker reports goes on where the counts of a thread's row wrap, also when the thread is gone", () => {
  const row = LoadRow.create();
  const thread = { index: 0, state: "gone", units: {}, row };
  const pool = Object.assign(new EventEmitter(), {
    threads: [thread],
    handlerPools: [],
    restarts: 0,
    runtimeUnits: { counts: () => [], members: () => [] },
    runtime: {},
  });
  const blocked = { blockedMs: () => 0 };
  const acceptor = { waiting: 0, isFull: false, room: Infinity };
  const identity = { slot: 0, generation: 1 };
  const reporter = new Reporter(
    pool as unknown as ThreadPool,
    blocked as unknown as BlockedThreads,
    acceptor,
    identity,
  );
  const near = 2 ** 32 - 2;
  row.counters.fill(near);
  row.handlerCounts[7] = near;
  assert.deepEqual([reporter.requests, reporter.report().counters.finished], [near, near]);
  for (let i = 0; i < 5; i++) {
    row.counters[COUNTER.started]!++;
    row.counters[COUNTER.finished]!++;
    row.handlerCounts[7]++;
  }
  const { counters, handler } = reporter.report();
  assert.deepEqual([reporter.requests, counters.started, counters.finished], [near + 5, near + 5, near + 5]);
  assert.deepEqual(handler, [[7, near + 5]]);
  pool.threads.pop();
  pool.emit("gone", thread);
  assert.deepEqual([reporter.requests, reporter.report().counters.finished], [near + 5, near + 5]);
});
