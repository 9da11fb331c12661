/** What may be published. Where it arrives: running/ and test/integration. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { publish } from "../../../src/index.ts";

const MIB = 2 ** 20;

test("what is too large for other workers is refused where it is published, with one worker too", () => {
  for (const [data, got] of [
    [new Uint8Array(63 * MIB + 1), /got 63\.0 MiB/],
    [new ArrayBuffer(80 * MIB), /got 80\.0 MiB/],
    ["x".repeat(64 * MIB), /got 64\.0 MiB/],
    // Between workers each letter of it takes two bytes.
    [`${"x".repeat(40 * MIB)}☕`, /got 80\.0 MiB/],
  ] as const) {
    assert.throws(() => publish("room", data), { code: "SOCKET_INVALID", message: got });
  }
});
