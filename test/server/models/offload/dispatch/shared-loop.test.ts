import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LivenessProbe } from "../../../../../src/server/models/offload/dispatch/liveness-probe.ts";
import type { RemoteJob } from "../../../../../src/server/models/offload/dispatch/remote-job.ts";
import type { SentJobs } from "../../../../../src/server/models/offload/dispatch/sent-jobs.ts";
import { SharedLoop, UNREAD_MS } from "../../../../../src/server/models/offload/dispatch/shared-loop.ts";

/** Jobs that have begun, by their timeouts. */
function jobs(...timeouts: number[]): SentJobs {
  const all = timeouts.map((timeoutMs, i) => {
    const exchange = { req: { method: "GET", url: `/${i}` }, id: `id-${i}`, route: { name: "*", timeoutMs } };
    return { startedMs: 1000, exchange } as unknown as RemoteJob;
  });
  return { size: all.length, all: () => all } as unknown as SentJobs;
}

/** Looks every 25 ms from 1,000 ms on, and returns what was said, and when. */
function judged(loop: SharedLoop, begun: SentJobs, untilMs: number, answersAtMs: number = Infinity): string[] {
  const signs = new LivenessProbe();
  const said: string[] = [];
  loop.turned(1000);
  for (let nowMs = 1000; nowMs <= untilMs; nowMs += 25) {
    if (nowMs >= answersAtMs && nowMs < answersAtMs + 25) signs.heard();
    signs.look(nowMs);
    const sentence = loop.judge(begun, signs, nowMs);
    if (sentence !== undefined) said.push(`${nowMs}: ${sentence === "ask" ? "ask" : sentence.because}`);
    if (typeof sentence === "object") break;
  }
  return said;
}

describe("the loop of a thread with many jobs", () => {
  test("is asked at half the longest time of what has begun, and ended after all of it", () => {
    const said = judged(new SharedLoop(30_000), jobs(500, 2000, 800), 60_000);
    assert.equal(said.length, 2);
    assert.match(said[0]!, /^2025: ask/);
    assert.match(
      said[1]!,
      /^30\d\d: its event loop has not turned for 2000 ms.* 3 requests: GET \/0 \(id-0\), GET \/1/,
    );
  });

  test("that answers is left alone, however long its jobs take", () => {
    const said = judged(new SharedLoop(30_000), jobs(2000), 2900, 2100);
    assert.deepEqual(said, ["2025: ask"]);
  });

  test("has the server's time for jobs without a limit, and no limit if there is none", () => {
    assert.equal(judged(new SharedLoop(1000), jobs(0, 200), 10_000).length, 2);
    assert.deepEqual(judged(new SharedLoop(0), jobs(0, 200), 10_000), []);
    assert.deepEqual(judged(new SharedLoop(1000), jobs(), 10_000), [], "nothing runs there");
  });

  test("is stuck while it does not receive what it was sent", () => {
    const loop = new SharedLoop(1000);
    loop.look(0, 5);
    loop.flushed(10);
    loop.flushed(12);
    loop.look(0, 10 + UNREAD_MS);
    assert.equal(loop.isStuck, false);
    loop.look(0, 11 + UNREAD_MS);
    assert.equal(loop.isStuck, true);
    loop.look(1, 50);
    assert.equal(loop.isStuck, false, "it has received one");
    loop.look(2, 1000);
    assert.equal(loop.isStuck, false);
  });

  test("that receives nothing is ended, though nothing has begun", () => {
    const loop = new SharedLoop(1000);
    loop.flushed(1000);
    assert.equal(judged(loop, jobs(), 10_000).length, 2);
  });
});
