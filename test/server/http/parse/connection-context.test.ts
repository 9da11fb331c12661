import assert from "node:assert/strict";
import { Socket } from "node:net";
import { test } from "node:test";
import { ConnectionContext } from "../../../../src/server/http/parse/connection-context.ts";

test("what a connection has received during a request is no sign of the next one, each time it is idle", () => {
  const connection = new ConnectionContext(new Socket());
  for (const [sweptBytes, nowMs] of [
    [100, 1000],
    [200, 2000],
  ] as const) {
    connection.active = 1;
    connection.leave(nowMs);
    assert.deepEqual([connection.idleSinceMs, connection.bytesWhenIdle], [nowMs, -1]);
    // As the sweep notes it.
    connection.bytesWhenIdle = sweptBytes;
  }
});
