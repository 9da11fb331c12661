import assert from "node:assert/strict";
import { test } from "node:test";
import type { Arbiter } from "../../../src/server/arbiter/arbiter.ts";
import { RetiredTotals } from "../../../src/server/arbiter/workers/retired-totals.ts";
import { collectStatus } from "../../../src/server/control/status.ts";
import { noCounts } from "../../../src/server/worker/report/row-totals.ts";
import type { WorkerReport, WorkerTotals } from "../../../src/server/worker/worker-protocol.ts";

function reportOf(requests: number): WorkerReport {
  return {
    pid: 1,
    slot: 0,
    generation: 1,
    uptimeMs: 0,
    rssBytes: 0,
    threadRestarts: 0,
    waiting: 0,
    descriptors: undefined,
    threads: [],
    pools: [],
    limits: [],
    units: [],
    runaways: 0,
    counters: { ...noCounts(), started: requests, finished: requests },
    handler: [[0, requests]],
    queue: [],
    handlerWindow: [],
    queueWindow: [],
    windowMs: 0,
  };
}

interface FakeWorker {
  state: string;
  lastTotals: WorkerTotals | undefined;
  readonly report: () => Promise<WorkerReport | undefined>;
}

async function counted(workers: readonly FakeWorker[], departed: RetiredTotals): Promise<number> {
  const fleet = { workers, departed, restarts: 0 };
  const shared = { status: undefined };
  const actors = { status: { workers: 0, names: 0 } };
  const arbiter = { config: { model: "loop" }, fleet, shared, actors, startedAt: new Date(), shed: 0, waiting: 0 };
  const { counters, handler } = await collectStatus(arbiter as unknown as Arbiter);
  assert.equal(handler.sinceStart.count, counters.finished);
  return counters.started;
}

test("a worker that leaves while others are asked is counted once", async () => {
  const departed = new RetiredTotals();
  const leaving: FakeWorker = { state: "draining", lastTotals: undefined, report: async () => reportOf(3) };
  const staying: FakeWorker = {
    state: "serving",
    lastTotals: undefined,
    report: async () => {
      await leaving.report();
      leaving.lastTotals = reportOf(4);
      leaving.state = "gone";
      departed.add(leaving.lastTotals);
      return reportOf(10);
    },
  };
  assert.equal(await counted([leaving, staying], departed), 14);
  assert.equal(await counted([staying], new RetiredTotals()), 10);
});

test("a worker that is killed while others are asked is counted by its answer, the last there will be", async () => {
  const killed: FakeWorker = { state: "gone", lastTotals: undefined, report: async () => reportOf(3) };
  assert.equal(await counted([killed], new RetiredTotals()), 3);
});

test("a worker that gives no answer is counted by what it has told last", async () => {
  const silent: FakeWorker = { state: "serving", lastTotals: reportOf(5), report: async () => undefined };
  assert.equal(await counted([silent], new RetiredTotals()), 5);
});
