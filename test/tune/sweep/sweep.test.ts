import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { counted } from "../../../src/tune/sweep/levels.ts";
import { play } from "./simulated.ts";

describe("a sweep", () => {
  test("goes up the ladder from one client until throughput is flat over three levels", async () => {
    const { levels, end, windows } = await play({ knee: 6, answerMs: 10 });
    assert.equal(end, "flat");
    const discovered = windows.filter(({ purpose }) => purpose === "discover").map(({ concurrency }) => concurrency);
    assert.deepEqual(discovered, [1, 2, 4, 8, 16, 32]);
    assert.equal(levels.at(-1)?.concurrency, 32);
  });

  test("gives each level at least five repetitions that count", async () => {
    for (const knee of [1, 2, 20, 200]) {
      const { levels } = await play({ knee, answerMs: 5, noise: 0.05 }, { budgetMs: 120_000 });
      for (const level of levels) assert.ok(counted(level).length >= 5, `${level.concurrency} of knee ${knee}`);
    }
  });

  test("repeats the levels in rounds of random order", async () => {
    const { windows } = await play({ knee: 8, answerMs: 5 });
    const ladder = windows.filter(({ purpose }) => purpose === "discover").length;
    const repeats = windows.slice(ladder).map(({ concurrency }) => concurrency);
    const rounds = [0, 1, 2, 3].map((round) => repeats.slice(round * ladder, (round + 1) * ladder));
    for (const round of rounds)
      assert.equal(new Set(round).size, ladder, `each level once in a round: ${round.join()}`);
    assert.ok(new Set(rounds.map(String)).size > 1, "the rounds differ in their order");
    const other = await play({ knee: 8, answerMs: 5 }, { seed: 2 });
    assert.notDeepEqual(other.windows.slice(ladder, 2 * ladder), windows.slice(ladder, 2 * ladder));
  });

  test("puts levels around the corner where time is left", async () => {
    const { levels, windows } = await play({ knee: 11, answerMs: 5 }, { budgetMs: 120_000 });
    const refined = new Set(windows.flatMap(({ purpose, concurrency }) => (purpose === "refine" ? [concurrency] : [])));
    assert.ok(refined.size >= 3, [...refined].join());
    const nearest = Math.min(...levels.map(({ concurrency }) => Math.abs(concurrency - 11)));
    assert.ok(nearest <= 1, levels.map(({ concurrency }) => concurrency).join());
  });

  test("mixes the windows of a level that was added later with those of its neighbours", async () => {
    const { windows } = await play({ knee: 11, answerMs: 5 }, { budgetMs: 120_000 });
    const first = windows.findIndex(({ purpose }) => purpose === "refine");
    const next = windows.findIndex(({ purpose }, at) => purpose === "refine" && at > first);
    const around = windows.slice(first, next).map(({ concurrency }) => concurrency);
    const [added] = around;
    assert.equal(around.filter((concurrency) => concurrency === added).length, 5);
    assert.equal(new Set(around).size, 3, around.join());
    assert.notEqual(around.lastIndexOf(added!), 4, "not one after the other");
  });

  test("never takes longer than its budget", async () => {
    for (const answerMs of [1, 50, 700]) {
      const { usedMs } = await play({ knee: 40, answerMs, noise: 0.05 }, { budgetMs: 20_000 });
      assert.ok(usedMs <= 20_000, `${usedMs} at ${answerMs} ms`);
    }
  });

  test("says that the time was too short if throughput still rises at its end", async () => {
    const { end } = await play({ knee: 10_000, answerMs: 200 }, { budgetMs: 10_000 });
    assert.equal(end, "budget");
  });

  test("ends at the largest concurrency that was allowed", async () => {
    const { end, levels } = await play({ knee: 1000, answerMs: 1 }, { rules: { largest: 48 } });
    assert.equal(end, "largest");
    assert.equal(levels.at(-1)?.concurrency, 48);
  });

  test("goes on up when repetitions show that throughput was not flat", async () => {
    // The first windows at 16 and 32 are too low by chance: from 8 on throughput looks flat.
    const factor = (concurrency: number, repetition: number): number =>
      repetition === 0 && concurrency > 8 ? 8 / concurrency : 1;
    const { levels, windows } = await play({ knee: 200, answerMs: 5, factor }, { budgetMs: 120_000 });
    assert.equal(
      windows.findIndex(({ purpose }) => purpose === "repeat") <
        windows.findIndex(({ concurrency }) => concurrency === 64),
      true,
    );
    assert.ok(levels.at(-1)!.concurrency >= 512);
  });

  test("measures a window again that was left out, and keeps the one that was", async () => {
    const { levels, end } = await play({
      knee: 6,
      answerMs: 10,
      leftOut: (concurrency, attempt) => (concurrency === 8 && attempt % 2 === 0 ? "steal" : undefined),
    });
    assert.equal(end, "flat");
    const level = levels.find(({ concurrency }) => concurrency === 8)!;
    assert.ok(level.samples.some(({ leftOut }) => leftOut === "steal"));
    assert.ok(counted(level).length >= 4);
  });

  test("ends where the generator is at its own limit, or the server answers with errors", async () => {
    for (const reason of ["generator", "errors"] as const) {
      const { end, levels } = await play({
        knee: 100,
        answerMs: 10,
        leftOut: (concurrency) => (concurrency >= 16 ? reason : undefined),
      });
      assert.equal(end, reason);
      assert.equal(levels.at(-1)?.concurrency, 16);
    }
  });

  test("keeps what was measured when a window fails, or the sweep is aborted", async () => {
    const failing = await play({
      knee: 6,
      answerMs: 10,
      leftOut: (concurrency) => {
        if (concurrency === 8) throw new Error("the server has ended");
        return undefined;
      },
    });
    assert.equal(failing.end, "failed");
    assert.match(String(failing.error), /has ended/);
    assert.equal(failing.levels.length, 3);
    const abort = new AbortController();
    const onSample = (): void => abort.abort();
    const aborted = await play({ knee: 6, answerMs: 10 }, { onSample, signal: abort.signal });
    assert.equal(aborted.end, "aborted");
    assert.equal(aborted.levels.length, 1);
  });
});

test("a sweep whose rules are nonsense is refused before anything is measured", async () => {
  const refused: readonly [options: Parameters<typeof play>[1], message: RegExp][] = [
    [{ budgetMs: Number.NaN }, /^budgetMs is NaN/],
    [{ budgetMs: -1 }, /^budgetMs is -1/],
    [{ rules: { repetitions: 0 } }, /^rules\.repetitions is 0; it should be a whole number, at least 1/],
    [{ rules: { largest: Number.NaN } }, /^rules\.largest is NaN/],
    [{ rules: { largest: 6.5 } }, /^rules\.largest is 6\.5/],
    [{ rules: { windowMs: 0 } }, /^rules\.windowMs is 0/],
    [{ rules: { sloP95Ms: Number.NaN } }, /^rules\.sloP95Ms is NaN/],
  ];
  for (const [options, message] of refused) {
    await assert.rejects(play({ knee: 6, answerMs: 10 }, options), { code: "TUNE_INPUT", message });
  }
  assert.equal((await play({ knee: 6, answerMs: 10 }, { budgetMs: 0 })).end, "budget");
});

describe("with an SLO a sweep", () => {
  const p95Ms = (concurrency: number): number => (concurrency <= 40 ? 20 : 20 * (concurrency / 40));

  test("goes beyond the knee until the first level breaches it, then measures inside the bracket", async () => {
    const { levels, windows } = await play(
      { knee: 10, answerMs: 20, p95Ms },
      { rules: { sloP95Ms: 60 }, budgetMs: 300_000 },
    );
    assert.equal(levels.at(-1)?.concurrency, 128, "160 would be the first after 40 · 60 / 20 = 120");
    const probes = windows.filter(({ purpose, concurrency }) => purpose === "slo" && concurrency < 128);
    assert.ok(probes.some(({ concurrency }) => concurrency > 64 && concurrency < 128));
  });

  test("does not look for a ceiling that one client breaches already", async () => {
    const { windows } = await play({ knee: 10, answerMs: 20, p95Ms }, { rules: { sloP95Ms: 5 } });
    assert.ok(windows.every(({ purpose }) => purpose !== "slo"));
  });
});
