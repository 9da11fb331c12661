import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  areShortLived,
  passOnTo,
  place,
  THREADS_TOLERANCE,
  WORKERS_TOLERANCE,
} from "../../../src/server/worker/accept/placement.ts";
import { Recycling } from "../../../src/server/worker/ending/recycling.ts";
import { Backoff, type BackoffLimits } from "../../../src/supervise/backoff.ts";
import { Trimming } from "../../../src/server/worker/memory-trim.ts";
import { blockedVerdict } from "../../../src/server/worker/blocked-threads.ts";

describe("placement", () => {
  const open = (connections: number, stale = false): { connections: number; open: boolean; stale: boolean } => ({
    connections,
    open: true,
    stale,
  });

  test("spreads a burst so that no two differ by more than one", () => {
    const threads = [0, 0, 0].map((connections) => open(connections));
    for (let turn = 0; turn < 64; turn++) {
      const index = place(threads, turn);
      threads[index] = open(threads[index]!.connections + 1);
    }
    const counts = threads.map(({ connections }) => connections);
    assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, String(counts));
  });

  test("goes round among equals, so that short connections do not all meet one thread", () => {
    assert.deepEqual(
      [0, 1, 2, 3].map((turn) => place([open(0), open(0)], turn)),
      [0, 1, 0, 1],
    );
  });

  test("prefers a busy thread over one that stands still, and that over none", () => {
    assert.equal(place([open(0, true), open(9)], 0), 1);
    assert.equal(place([open(3, true), open(1, true)], 0), 1);
    assert.equal(place([{ connections: 0, open: false, stale: false }], 0), -1);
    assert.equal(place([], 0), -1);
  });

  test("passes on from a thread that has clearly more than another, and keeps the rest where it was accepted", () => {
    const turning = (): boolean => false;
    assert.equal(passOnTo(0, [0], THREADS_TOLERANCE, turning), -1);
    assert.equal(passOnTo(1, [0], THREADS_TOLERANCE, turning), 0);
    assert.equal(passOnTo(2, [3, 1], THREADS_TOLERANCE, turning), 1);
    assert.equal(passOnTo(35, [28], THREADS_TOLERANCE, turning), -1, "a fifth is left alone");
    assert.equal(passOnTo(36, [28], THREADS_TOLERANCE, turning), 0);
    assert.equal(passOnTo(36, [28], WORKERS_TOLERANCE, turning), -1, "it is farther to another process");
    assert.equal(passOnTo(40, [23], WORKERS_TOLERANCE, turning), 0);
    assert.equal(
      passOnTo(9, [0, 3, 5], THREADS_TOLERANCE, (index) => index === 0),
      1,
      "nothing for one that stands still",
    );
    assert.equal(
      passOnTo(9, [0], THREADS_TOLERANCE, () => true),
      -1,
    );
    assert.equal(passOnTo(9, [], THREADS_TOLERANCE, turning), -1);
  });

  for (const [tolerance, most, least] of [
    [THREADS_TOLERANCE, 19, 13],
    [WORKERS_TOLERANCE, 24, 12],
  ] as const) {
    test(`spreads a burst that one thread accepts alone to within ${tolerance}`, () => {
      const counts = [0, 0, 0, 0];
      for (let each = 0; each < 64; each++) {
        const to = passOnTo(counts[0]!, counts.slice(1), tolerance, () => false);
        counts[to + 1]!++;
      }
      assert.ok(Math.max(...counts) <= most && Math.min(...counts) >= least, String(counts));
    });
  }
});

test("connections are short-lived when many close of few that are open", () => {
  assert.equal(areShortLived(30, 1000, 100), true);
  assert.equal(areShortLived(30, 0, 100), false, "none closes");
  assert.equal(areShortLived(1000, 1000, 100), false, "each stays for 100 ms");
  assert.equal(areShortLived(64, 64, 60_000), false, "nothing new for a minute");
  assert.equal(areShortLived(0, 100, 100), true);
  assert.equal(areShortLived(1, 90, 100), false, "too few to tell, and to matter");
});

describe("the restart policy", () => {
  const limits: BackoffLimits = { burst: 3, refillMs: 100, firstDelayMs: 10, maxDelayMs: 80, stableMs: 1000 };

  test("replaces an isolated death at once", () => {
    assert.equal(new Backoff(limits).died(5000), 0);
  });

  test("backs off, doubling to a cap, from what dies before it is ready", () => {
    const policy = new Backoff(limits);
    assert.deepEqual(
      Array.from({ length: 6 }, () => policy.died(undefined)),
      [10, 20, 40, 80, 80, 80],
    );
  });

  test("backs off from what dies soon after it is ready, however long it takes to boot", () => {
    const policy = new Backoff(limits);
    assert.deepEqual(
      Array.from({ length: 6 }, () => policy.died(1)),
      [0, 0, 0, 10, 20, 40],
    );
  });

  test("takes repeated kills of something healthy for no crash loop", () => {
    const policy = new Backoff(limits);
    for (let kills = 0; kills < 100; kills++) assert.equal(policy.died(200), 0);
  });

  test("forgets failures once something was stable", () => {
    const policy = new Backoff(limits);
    for (let i = 0; i < 5; i++) policy.died(undefined);
    assert.equal(policy.died(1000), 0);
    assert.equal(policy.died(undefined), 10);
  });
});

describe("recycling", () => {
  const never = { maxRequests: { count: 0, jitter: 0 }, maxAgeMs: 0, maxMemoryBytes: 0 };
  const old = { requests: 1e9, ageMs: 1e12, rssBytes: 1e12 };
  const young = { requests: 0, ageMs: 0, rssBytes: 0 };

  test("is due after so many requests and a share of the jitter that was drawn", () => {
    const at = (random: number): Recycling =>
      new Recycling({ ...never, maxRequests: { count: 100, jitter: 20 } }, random);
    assert.equal(at(0).due({ ...old, requests: 99 }), undefined);
    assert.equal(at(0).due({ ...young, requests: 100 })?.reason, "max-requests");
    assert.equal(at(0.999).due({ ...old, requests: 119 }), undefined);
    assert.equal(at(0.999).due({ ...young, requests: 120 })?.reason, "max-requests");
  });

  test("is due after such an age, give or take a tenth", () => {
    const at = (random: number): Recycling => new Recycling({ ...never, maxAgeMs: 100_000 }, random);
    assert.equal(at(0).due({ ...old, ageMs: 89_999 }), undefined);
    assert.deepEqual(at(0).due({ ...young, ageMs: 90_000 }), { reason: "max-age", detail: "90 s old" });
    assert.equal(at(0.5).due({ ...old, ageMs: 99_999 }), undefined);
    assert.equal(at(0.5).due({ ...young, ageMs: 100_000 })?.reason, "max-age");
    assert.equal(at(0.999).due({ ...old, ageMs: 109_900 }), undefined);
    assert.equal(at(0.999).due({ ...young, ageMs: 110_000 })?.reason, "max-age");
  });

  test("is due over the memory limit, and never when all are off", () => {
    const memory = new Recycling({ ...never, maxMemoryBytes: 2 ** 30 }, 0);
    assert.equal(memory.due({ ...old, rssBytes: 2 ** 30 }), undefined);
    assert.deepEqual(memory.due({ ...young, rssBytes: 2 ** 30 + 2 ** 20 }), {
      reason: "max-memory",
      detail: "1025 MiB resident, over --max-memory 1024 MiB",
    });
    assert.equal(new Recycling(never, 0).due(old), undefined);
  });
});

test("memory is given back once after booting and after each load, when no request has come since the last look", () => {
  const trimming = new Trimming();
  const looks = [0, 0, 5, 9, 9, 9, 9, 10, 10, 10];
  assert.deepEqual(
    looks.map((requests) => trimming.due(requests)),
    [true, false, false, false, true, false, false, false, true, false],
  );
});

test("a loop is blocked from the threshold on and expired from the timeout on; 0 turns either off", () => {
  const verdicts = [99, 100, 999, 1000].map((ms) => blockedVerdict(ms, 100, 1000));
  assert.deepEqual(verdicts, ["turning", "blocked", "blocked", "expired"]);
  assert.equal(blockedVerdict(5000, 0, 0), "turning");
  assert.equal(blockedVerdict(5000, 0, 1000), "expired");
  assert.equal(blockedVerdict(5000, 100, 0), "blocked");
});
