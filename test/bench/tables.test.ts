import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Results } from "../../bench/charts/results.ts";
import { ceilingTable, filled, targetTable } from "../../bench/charts/tables.ts";

const machine = { cpu: "c", cores: 2, node: "v", date: "d" };

const results: Results = {
  machine,
  scenarios: [
    {
      name: "hello",
      contenders: [],
      targets: [
        { target: { metric: "m", contender: "a", against: "b", atLeast: 0.97 }, measured: spread(1.017, 0.9, 12.3) },
        { target: { metric: "failed", contender: "a", atMost: 0 }, measured: spread(0, 0, 0) },
        { target: { metric: "m", contender: "a", against: "missing", atLeast: 1 } },
      ],
    },
    {
      name: "c10k",
      contenders: ["thread-per-request", "threads", "loop"].flatMap((model) =>
        [1, 10, 100, 1000, 10_000].map((clients) => ({
          name: `${model}, ${clients.toLocaleString("en")}`,
          rounds: [
            {},
            ...[3, 1, 2].map((x) => ({
              metrics: { requestsPerSecond: x * clients, p95Ms: 1000 * x, shedPerSecond: 0 },
            })),
          ],
        })),
      ),
      targets: [],
    },
  ],
};

function spread(median: number, min: number, max: number): { median: number; min: number; max: number } {
  return { median, min, max };
}

describe("a table of measurements", () => {
  test("tells a ratio with its range and its aim, and a count as it is", () => {
    const rows = [
      { what: "hello", scenario: "hello", metric: "m", contender: "a", against: "b" },
      { what: "lost", scenario: "hello", metric: "failed", contender: "a", counts: true },
    ];
    assert.deepEqual(targetTable(results, rows).split("\n").slice(2), [
      "| hello | b | 1.02 × (0.9–12) | at least 0.97 |",
      "| lost |  | 0 | at most 0 |",
    ]);
  });

  test("is not made of what was not measured", () => {
    const row = { what: "x", scenario: "hello", metric: "m", contender: "a", against: "missing" };
    assert.throws(() => targetTable(results, [row]), /no m of "a" against "missing" in hello/);
    assert.throws(
      () => ceilingTable({ machine, scenarios: [] }),
      /no shedPerSecond of "thread-per-request, 1" in c10k/,
    );
  });

  test("shows the median of each model for each number of clients", () => {
    const lines = ceilingTable(results).split("\n");
    assert.equal(lines.length, 7);
    assert.equal(lines.at(-1), "| 10,000 | 20,000/s, 2.00 s | 20,000/s, 2.00 s | 20,000/s, 2.00 s |");
  });

  test("replaces what stood between its marks, twice the same", () => {
    const page = "a\n<!-- measured: x -->old<!-- /measured -->\nb";
    const once = filled(page, { x: "| new |" });
    assert.equal(once, "a\n<!-- measured: x -->\n\n| new |\n\n<!-- /measured -->\nb");
    assert.equal(filled(once, { x: "| new |" }), once);
    assert.throws(() => filled(page, { y: "" }), /no <!-- measured: y -->/);
  });
});
