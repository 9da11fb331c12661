import assert from "node:assert/strict";
import { test } from "node:test";
import type { Arbiter } from "../../../src/server/arbiter/arbiter.ts";
import { RetiredTotals } from "../../../src/server/arbiter/workers/retired-totals.ts";
import { collectStatus, type ServerStatus } from "../../../src/server/control/status.ts";
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

test("runaways of workers that are gone stay counted", async () => {
  const departed = new RetiredTotals();
  departed.add({ ...reportOf(3), runaways: 2 });
  const units = [{ thread: "thread 0", counts: {} }] as unknown as WorkerReport["units"];
  const living: FakeWorker = {
    state: "serving",
    lastTotals: undefined,
    report: async () => ({ ...reportOf(0), units, runaways: 1 }),
  };
  assert.equal((await statusOf([living], departed)).units?.runaways, 3);
});

async function counted(workers: readonly FakeWorker[], departed: RetiredTotals): Promise<number> {
  const { counters, handler } = await statusOf(workers, departed);
  assert.equal(handler.sinceStart.count, counters.finished);
  return counters.started;
}

async function statusOf(workers: readonly FakeWorker[], departed: RetiredTotals): Promise<ServerStatus> {
  const fleet = { workers, departed, restarts: 0 };
  const shared = { status: undefined };
  const actors = { status: { workers: 0, names: 0 } };
  const arbiter = { config: { model: "loop" }, fleet, shared, actors, startedAt: new Date(), shed: 0, waiting: 0 };
  return await collectStatus(arbiter as unknown as Arbiter);
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
