import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PoolClient } from "../../../../../src/server/models/offload/dispatch/pool-client.ts";
import { Board } from "../../../../../src/server/models/offload/shared/pool-board.ts";

/** A pool that has no thread for anybody. `queueTimeoutMs`: how long its requests wait. */
function emptyPool(queueTimeoutMs: number): { client: PoolClient; shed: string[] } {
  const shed: string[] = [];
  const client = new PoolClient({
    board: new Board(Board.create(1)),
    line: new SharedArrayBuffer(4),
    model: "threads",
    loopLimitMs: 0,
    spread: 1,
    queue: 5,
    queueTimeoutMs,
    serverTiming: false,
    wanted: () => {},
    kill: () => assert.fail(),
    failed: () => assert.fail(),
    misframed: () => assert.fail(),
    shed: (_exchange, code) => void shed.push(code),
  });
  return { client, shed };
}

describe("the queue of a pool", () => {
  test("counts the time since a request came to it, however long the body took to arrive", () => {
    const { client, shed } = emptyPool(60_000);
    const receivedMs = performance.now() - 120_000;
    client.submit({ receivedMs, executedMs: receivedMs, state: "executing" } as never);
    const submittedMs = performance.now();
    client.sweep(submittedMs + 1000);
    assert.deepEqual(shed, []);
    client.sweep(submittedMs + 60_000);
    assert.deepEqual(shed, ["QUEUE_TIMEOUT"]);
  });
});
