import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkComparable, compareResults, parseResult } from "../../src/tune/compare.ts";
import type { KneeEstimate, TuneResult } from "../../src/tune/types.ts";
import { sampleOf, seeded } from "./sweep/simulated.ts";

/** A result whose levels are those of a simulated server. */
function result(knee: KneeEstimate, throughputMax: number, noise = 0.02): TuneResult {
  const random = seeded(1);
  const levels = [1, 2, 4, 8, 16].map((concurrency) => ({
    concurrency,
    samples: [0, 1, 2, 3, 4].map((repetition) =>
      sampleOf({ knee: 4, answerMs: 4000 / throughputMax, noise }, { concurrency, repetition, measureMs: 500 }, random),
    ),
  }));
  const shape = { model: "loop", workers: 1, threads: 1 };
  return {
    version: 1,
    knee,
    throughputMax,
    perRoute: [],
    levels,
    shapes: [{ shape, levels, knee, throughputMax, p95AtKneeMs: 20, limitedBy: "server", openLoop: [] }],
    audit: { ceiling: 50_000, coLocated: false },
    machine: { cpu: "a CPU", cores: 2, memoryBytes: 1, node: "26", kernel: "Linux" },
    scenario: { target: "app.ts", requests: [{ method: "GET", path: "/", weight: 1 }] },
    startedAt: "2026-01-01T00:00:00.000Z",
    seconds: 60,
    notes: [],
  };
}

const twelve = { value: 12, low: 11, high: 13 };

describe("a comparison", () => {
  test("says that the knee is where it was, if its interval meets the old one", () => {
    const { verdict, sentences } = compareResults(
      result(twelve, 400),
      result({ value: 13.5, low: 12.5, high: 15 }, 410),
    );
    assert.equal(verdict, "same");
    assert.match(
      sentences.join("\n"),
      /The knee is where it was, within noise: 12 \(11 to 13\) before, 14 \(13 to 15\) now\./,
    );
  });

  test("says that the knee moved, if the intervals do not meet and the values differ by more than repeated runs do", () => {
    const { verdict, sentences } = compareResults(result(twelve, 400), result({ value: 6, low: 5.5, high: 7 }, 400));
    assert.equal(verdict, "moved");
    assert.match(sentences.join("\n"), /The knee moved: 12 \(11 to 13\) before, 6\.0 \(5\.5 to 7\.0\) now\./);
    const narrow = compareResults(
      result({ value: 12, low: 11.9, high: 12.1 }, 400),
      result({ value: 13, low: 12.9, high: 13.1 }, 400),
    );
    assert.equal(narrow.verdict, "same", "8 % is what repeated runs differ by");
  });

  test("says that the throughput moved, if it differs by more than 10 % and by more than its repetitions scatter", () => {
    const slower = compareResults(result(twelve, 400), result(twelve, 300));
    assert.equal(slower.verdict, "moved");
    assert.match(
      slower.sentences.join("\n"),
      /The throughput at the knee fell by 25 %: 400 answers\/s before, 300 now\./,
    );
    assert.equal(compareResults(result(twelve, 400), result(twelve, 380)).verdict, "same");
    assert.equal(compareResults(result(twelve, 400, 0.4), result(twelve, 330, 0.4)).verdict, "same");
  });

  test("says that the throughput moved also if a level had no throughput at all", () => {
    const withNothing = (throughputMax: number): TuneResult => {
      const { shapes, ...rest } = result(twelve, throughputMax);
      const samples = [0, 1].map((repetition) => ({ ...shapes[0]!.levels[0]!.samples[repetition]!, throughput: 0 }));
      const levels = [...shapes[0]!.levels, { concurrency: 32, samples }];
      return { ...rest, shapes: [{ ...shapes[0]!, levels }] };
    };
    assert.equal(compareResults(withNothing(400), withNothing(100)).verdict, "moved");
  });

  test("takes a knee that was not reached as one above all that was seen", () => {
    const notReached = { notReached: true, seenUpTo: 64 } as const;
    assert.equal(compareResults(result(notReached, 400), result(twelve, 400)).verdict, "moved");
    assert.equal(compareResults(result(twelve, 400), result(notReached, 400)).verdict, "moved");
    assert.equal(
      compareResults(result({ value: 80, low: 70, high: 90 }, 400), result(notReached, 400)).verdict,
      "same",
    );
    assert.equal(compareResults(result(notReached, 400), result(notReached, 900)).verdict, "same");
  });

  test("knows nothing where a result is inconclusive", () => {
    const { verdict, sentences } = compareResults(result(twelve, 400), result({ inconclusive: "noise" }, 400));
    assert.equal(verdict, "unknown");
    assert.match(sentences.join("\n"), /The knees cannot be compared: 12 \(11 to 13\) before, inconclusive now\./);
  });

  test("tells of another machine and another shape", () => {
    const other = result(twelve, 400);
    const now: TuneResult = {
      ...other,
      machine: { ...other.machine, cores: 8 },
      shapes: other.shapes.map((each) => ({ ...each, shape: { model: "threads", workers: 1, threads: 8 } })),
    };
    const text = compareResults(result(twelve, 400), now).sentences.join("\n");
    assert.match(text, /The machines differ: 2 × a CPU before, 8 × a CPU now\./);
    assert.match(text, /The shapes differ: loop 1 × 1 before, threads 1 × 8 now\./);
  });
});

describe("the file of --compare", () => {
  test("is a result that was written before", () => {
    const written = result(twelve, 400);
    assert.deepEqual(parseResult(JSON.stringify(written), "old.json"), written);
  });

  test("is refused if it is something else, with the reason", () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ["{", /old\.json cannot be compared: it is not JSON .*expected a result\.json that heddle tune wrote/],
      ["3", /it holds no object/],
      ["{}", /it has none of the fields of a result/],
      ['{"version":2,"knee":{}}', /its version is 2, not 1/],
      [JSON.stringify({ ...result(twelve, 1), shapes: [{}] }), /its shapes\[0\]\.shape is none of a result/],
    ];
    for (const [text, message] of cases) {
      assert.throws(() => parseResult(text, "old.json"), { code: "TUNE_BAD_RESULT", exitCode: 2, message });
    }
  });

  test("is refused if a field that is compared says nothing, instead of being called the same", () => {
    const old = result(twelve, 400);
    const [shape] = old.shapes;
    const cases: readonly (readonly [fields: object, message: RegExp])[] = [
      [{ machine: null }, /its machine is/],
      [{ scenario: {} }, /its scenario\.requests is/],
      [{ scenario: { requests: [null] } }, /its scenario\.requests is/],
      [{ shapes: [null] }, /its shapes\[0\]\.shape is/],
      ...[undefined, null, "12", {}, { value: "12", low: "11", high: "13" }, { value: 12 }, { notReached: true }].map(
        (knee) => [{ shapes: [{ ...shape, knee }] }, /its shapes\[0\]\.knee is/] as const,
      ),
      // What JSON makes of NaN.
      [{ shapes: [{ ...shape, throughputMax: null }] }, /its shapes\[0\]\.throughputMax is/],
      [{ shapes: [{ ...shape, p95AtKneeMs: "20" }] }, /its shapes\[0\]\.p95AtKneeMs is/],
      [{ shapes: [{ ...shape, levels: [{ concurrency: 1, samples: [null] }] }] }, /its shapes\[0\]\.levels is/],
    ];
    for (const [fields, message] of cases) {
      const text = JSON.stringify({ ...old, ...fields });
      assert.throws(() => parseResult(text, "old.json"), { code: "TUNE_BAD_RESULT", exitCode: 2, message }, text);
    }
  });

  test("is refused if it measured other requests", () => {
    const old = result(twelve, 400);
    checkComparable(old, [{ method: "GET", path: "/", weight: 1 }], "old.json");
    assert.throws(() => checkComparable(old, [{ method: "GET", path: "/b", weight: 1 }], "old.json"), {
      code: "TUNE_BAD_RESULT",
      message: /old\.json cannot be compared: it measured other requests: GET \/ × 1; now they are GET \/b × 1/,
    });
  });
});
