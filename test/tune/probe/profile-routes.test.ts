import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type LoopBlocks, longestBlockMs } from "../../../src/tune/probe/loops.ts";
import { type Idle, profileOf, profileRoutes, type Reading } from "../../../src/tune/probe/profile-routes.ts";
import type { RouteProfile, Sample } from "../../../src/tune/types.ts";

interface Window {
  readonly answers: number;
  readonly errors?: number;
  readonly meanMs: number;
  readonly cpuSeconds?: number;
  readonly seconds?: number;
  readonly histogram?: Sample["histogram"];
}

function sample({ answers, errors = 0, meanMs, cpuSeconds, seconds = 1, histogram = [] }: Window): Sample {
  return {
    histogram,
    answers,
    errors,
    errorsByCause: {},
    seconds,
    latency: { meanMs },
    ...(cpuSeconds === undefined ? {} : { serverCpuSeconds: cpuSeconds }),
  } as Sample;
}

function reading(
  atMs: number,
  busyMs: number,
  late: readonly (readonly [number, number])[] = [],
  runDelaySeconds: number = 0,
): Reading {
  return { atMs, runDelaySeconds, loops: { threads: 1, busyMs, late: new Map(late) } };
}

const IDLE: Idle = { cpuPerSecond: 0.01, busyMsPerSecond: 5 };
const ROUTE = { name: "GET /", weight: 3 };

describe("the profile of a route", () => {
  const rounded = (profile: RouteProfile): Record<string, unknown> => ({
    ...profile,
    cpuMs: Math.round(profile.cpuMs),
    waitMs: Math.round(profile.waitMs),
    loopMs: Math.round(profile.loopMs!),
  });

  test("is CPU time less the idle server's, the rest of the answer, and what the loop was busy for", () => {
    const samples = [sample({ answers: 20, meanMs: 50, cpuSeconds: 0.11 })];
    const readings = [
      reading(0, 100, [[12, 1]]),
      reading(2000, 910, [
        [12, 1],
        [21, 5],
        [90, 1],
      ]),
    ];
    assert.deepEqual(rounded(profileOf(ROUTE, samples, readings, IDLE)), {
      route: "GET /",
      weight: 3,
      cpuMs: 5,
      waitMs: 45,
      longestBlockMs: 21,
      loopMs: 20,
    });
  });

  test("is that of the fastest window: other programs only make answers slower", () => {
    const samples = [
      sample({ answers: 10, meanMs: 100, cpuSeconds: 0.21 }),
      sample({ answers: 20, meanMs: 50, cpuSeconds: 0.21 }),
      sample({ answers: 0, meanMs: 0 }),
    ];
    const readings = [reading(0, 0), reading(1000, 900), reading(2000, 1105), reading(3000, 1110)];
    const { cpuMs, waitMs, loopMs } = rounded(profileOf(ROUTE, samples, readings, IDLE));
    assert.deepEqual([cpuMs, waitMs, loopMs], [10, 40, 10]);
  });

  test("has neither as computing nor as waiting the time in which the server had no core", () => {
    const readings = [reading(0, 0), reading(1000, 1005, [], 0.75)];
    const profile = (fastestMs: number): unknown[] => {
      const window = {
        answers: 10,
        meanMs: 80,
        cpuSeconds: 0.21,
        histogram: [
          [fastestMs, 2],
          [200, 8],
        ],
      } as const;
      const { cpuMs, waitMs, loopMs } = rounded(profileOf(ROUTE, [sample(window)], readings, IDLE));
      return [cpuMs, waitMs, loopMs];
    };
    assert.deepEqual(profile(15), [20, 0, 20]);
    assert.deepEqual(profile(60), [20, 40, 60], "no more than what makes the fastest answers faster than the others");
  });

  test("counts answers that were not good to the requests that used CPU time", () => {
    const samples = [sample({ answers: 10, errors: 10, meanMs: 50, cpuSeconds: 0.21 })];
    assert.equal(rounded(profileOf(ROUTE, samples, [reading(0, 0), reading(1000, 200)], IDLE))["cpuMs"], 10);
  });

  test("takes the time of the loop where the system tells no CPU time", () => {
    const samples = [sample({ answers: 20, meanMs: 50, cpuSeconds: NaN })];
    assert.equal(rounded(profileOf(ROUTE, samples, [reading(0, 0), reading(1000, 205)], IDLE))["cpuMs"], 10);
  });

  test("is refused if there was no answer", () => {
    const samples = [sample({ answers: 0, meanMs: 0 })];
    assert.throws(() => profileOf(ROUTE, samples, [reading(0, 0), reading(900, 0)], IDLE), {
      code: "TUNE_NOT_SERVED",
      message: "GET / gave no good answer within 900 ms.",
    });
    const limited = samples.map((each) => ({ ...each, errors: 9, errorsByCause: { reset: 1, 429: 8 } }));
    assert.throws(() => profileOf(ROUTE, limited, [reading(0, 0), reading(900, 0)], IDLE), {
      message: "GET / gave no good answer within 900 ms, mostly: status 429.",
    });
  });
});

test("a block that was seen once may be the operating system's, and one that was seen twice counts", () => {
  const blocks = (late: readonly (readonly [number, number])[]): LoopBlocks => reading(0, 0, late).loops;
  assert.equal(longestBlockMs(blocks([]), blocks([])), 0);
  assert.equal(longestBlockMs(blocks([]), blocks([[40, 1]])), 0);
  assert.equal(
    longestBlockMs(
      blocks([]),
      blocks([
        [20, 1],
        [40, 1],
      ]),
    ),
    20,
  );
  assert.equal(
    longestBlockMs(
      blocks([[40, 3]]),
      blocks([
        [40, 4],
        [30, 2],
      ]),
    ),
    30,
  );
});

describe("routes are profiled", () => {
  const server = { cpuSeconds: () => 0, runDelaySeconds: () => 0, blocks: async () => reading(0, 0).loops };

  test("one after the other, each warmed up first, with a few answers in each window", async () => {
    const driven: string[] = [];
    const lengths: number[] = [];
    const routes = [
      { name: "fast", weight: 1 },
      { name: "slow", weight: 1 },
    ];
    const profiles = await profileRoutes({
      server,
      routes,
      budgetMs: 400,
      drive: async ({ name }, { measureMs }) => {
        driven.push(name);
        lengths.push(measureMs);
        return sample({ answers: 5, meanMs: name === "slow" ? 300 : 1, cpuSeconds: 0 });
      },
    });
    assert.deepEqual(driven, ["fast", "slow", "fast", "fast", "fast", "slow", "slow", "slow"]);
    assert.ok(
      lengths.slice(5).every((ms) => ms >= 5 * 300),
      lengths.join(),
    );
    assert.ok(
      lengths.slice(2, 5).every((ms) => ms < 300),
      lengths.join(),
    );
    assert.deepEqual(
      profiles.map(({ route }) => route),
      ["fast", "slow"],
    );
  });

  test("until that is to end", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    let windows = 0;
    const profiling = profileRoutes({
      server,
      routes: [{ name: "one", weight: 1 }],
      budgetMs: 400,
      signal: controller.signal,
      drive: async () => {
        windows++;
        controller.abort(reason);
        return sample({ answers: 5, meanMs: 1 });
      },
    });
    await assert.rejects(profiling, reason);
    assert.equal(windows, 1);
  });
});
