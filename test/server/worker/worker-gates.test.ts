import assert from "node:assert/strict";
import { test } from "node:test";
import { SharedSemaphore } from "../../../src/kit/shared-semaphore.ts";
import { ROW } from "../../../src/server/http/admit/adaptive/memory.ts";
import { WorkerGates } from "../../../src/server/worker/worker-gates.ts";
import { shareLimit } from "../../../src/server/worker/limit-shares.ts";

const adaptive = { adaptive: { seed: 10, max: 20 } };

test("all threads of a worker share one limit, and each has a row of its own", () => {
  const gates = new WorkerGates(0, { limit: adaptive, queue: 5, workers: 1 });
  const [one, other] = [gates.open([]), gates.open([])];
  assert.equal(one["*"]!.slots.buffer, other["*"]!.slots.buffer);
  assert.notEqual(one["*"]!.adaptive!.row, other["*"]!.adaptive!.row);
  assert.equal(one["*"]!.adaptive!.board, other["*"]!.adaptive!.board);
  new SharedSemaphore(one["*"]!.slots).tryTake();
  const [report] = gates.report();
  assert.deepEqual([report!.route, report!.max, report!.inFlight], ["*", 20, 1]);
});

test("what a dead thread has counted stays counted, once", () => {
  const gates = new WorkerGates(0, { limit: adaptive, queue: 5, workers: 1 });
  const [dead, alive] = [gates.open([]), gates.open([])];
  for (const { adaptive: memory } of [dead["*"]!, alive["*"]!]) new Float64Array(memory!.row)[ROW.shedDelayed] = 3;
  gates.settle(dead);
  gates.settle(dead);
  assert.deepEqual(gates.report()[0]!.shed, { queueFull: 0, timedOut: 0, delayed: 6 });
});

test("a route's adaptive limit is shared out as the server's is, and follows the number of workers", () => {
  const gates = new WorkerGates(1, { limit: 7, queue: 5, workers: 2 });
  const route = { name: "/a", limit: adaptive, queue: 4, isOfServer: true };
  const handles = gates.open([route]);
  assert.equal(handles["*"]!.adaptive, undefined);
  assert.deepEqual(
    gates.report().map(({ route: name, max }) => [name, max]),
    [["/a", 10]],
  );
  gates.resize({ limit: 7, queue: 5, workers: 1 });
  assert.equal(gates.report()[0]!.max, 20);
});

test("no share is 0, so that every worker can serve, and an absent number stays absent", () => {
  assert.deepEqual(shareLimit({ adaptive: { seed: 1, max: 3 } }, 3, 4), { adaptive: { seed: 1, max: 1 } });
  assert.deepEqual(shareLimit({ adaptive: {} }, 0, 4), { adaptive: {} });
  assert.deepEqual(shareLimit({ adaptive: { seed: 10 } }, 0, 4), { adaptive: { seed: 3 } });
  assert.equal(shareLimit(10, 3, 4), 2);
});
