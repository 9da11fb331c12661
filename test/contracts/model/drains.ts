/** The contract, on how a long response learns that the server stops. Ends the server, so it is the last case. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Subject } from "./subject.ts";

export function drains(subject: Subject): void {
  test("an event stream is told that the server stops, has its last word, and ends whole", async () => {
    const id = subject.nextId();
    await using client = await subject.open();
    const { headers } = await client.request(`GET /watch?id=${id} HTTP/1.1`).head();
    const mark = subject.server.mark();
    const stopped = subject.server.stop();
    const { body, complete } = await client.body(headers);
    assert.equal(complete, true);
    assert.match(body, /data: first\n\n[^]*data: last\n\n/);
    await client.ended();
    assert.deepEqual(await stopped, { code: 0, signal: null });
    assert.match(subject.server.output(mark), new RegExp(`aborted ${id} DrainError`));
    assert.doesNotMatch(subject.server.output(mark), /failed|cut|killed/);
  });
}
