import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Results } from "../../bench/charts/results.ts";
import { MODELS_ROWS, type Row, SERVE_ROWS, SOCKETS_ROWS } from "../../bench/charts/rows.ts";
import { ACTOR_ROWS, runtimeTable, TASK_ROWS } from "../../bench/charts/runtime.ts";
import { ceilingTable, filled, targetTable } from "../../bench/charts/tables.ts";
import type { Scenario } from "../../bench/harness/scenario.ts";
import { MODELS, RUNTIME, SERVE, SOCKETS } from "../../bench/scenarios/all.ts";

const machine = { cpu: "c", cores: 2, node: "v", date: "d" };

const results: Results = {
  machine,
  scenarios: [
    {
      name: "hello",
      contenders: [],
      targets: [
        { target: { metric: "m", contender: "a", against: "b", atLeast: 0.97 }, measured: spread(1.017, 0.9, 12.3) },
        { target: { metric: "m", contender: "a", against: "c", moreThan: 1 }, measured: spread(1.3, 1.2, 1.4) },
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
      { what: "faster", scenario: "hello", metric: "m", contender: "a", against: "c" },
      { what: "lost", scenario: "hello", metric: "failed", contender: "a", counts: true },
    ];
    assert.deepEqual(targetTable(results, rows).split("\n").slice(2), [
      "| hello | b | 1.02 × (0.9–12) | at least 0.97 |",
      "| faster | c | 1.3 × (1.2–1.4) | more than 1 |",
      "| lost |  | 0 | at most 0 |",
    ]);
  });

  test("says of a row that it was not measured", () => {
    const row = { what: "x", scenario: "hello", metric: "m", contender: "a", against: "missing" };
    assert.equal(targetTable(results, [row]).split("\n").at(-1), "| x | missing | not measured yet | |");
    assert.throws(() => ceilingTable({ machine, scenarios: [] }), /no model in c10k/);
  });

  test("has only rows that its scenarios judge", () => {
    const judged: readonly (readonly [readonly Row[], readonly Scenario[]])[] = [
      [SERVE_ROWS, SERVE],
      [MODELS_ROWS, MODELS],
      [SOCKETS_ROWS, SOCKETS],
    ];
    for (const [rows, scenarios] of judged) {
      for (const { scenario, metric, contender, against } of rows) {
        const found = scenarios.find(({ name }) => name === scenario);
        const same = found?.targets.some(
          (target) => target.metric === metric && target.contender === contender && target.against === against,
        );
        assert.ok(same, `${scenario} judges no ${metric} of ${contender} against ${against ?? "nobody"}`);
      }
    }
  });

  test("has only rows whose contenders take part", () => {
    for (const { scenario, contender = "heddle", against } of [...TASK_ROWS, ...ACTOR_ROWS]) {
      const names = RUNTIME.find(({ name }) => name === scenario)?.contenders.map(({ name }) => name) ?? [];
      for (const each of [contender, against ?? contender]) assert.ok(names.includes(each), `${each} in ${scenario}`);
    }
  });

  test("judges only contenders that take part, by metrics that are measured", () => {
    for (const { name, contenders, metrics, targets } of [...SERVE, ...MODELS, ...RUNTIME, ...SOCKETS]) {
      const names = contenders.map((each) => each.name);
      assert.equal(new Set(names).size, names.length, `${name} has two contenders of one name`);
      for (const { contender, against, metric } of targets) {
        for (const each of [contender, against ?? contender]) assert.ok(names.includes(each), `${each} in ${name}`);
        assert.ok(
          metrics.some(({ key }) => key === metric),
          `${metric} in ${name}`,
        );
      }
    }
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

  test("sets a runtime's medians side by side", () => {
    const contender = (name: string, perSecond: number): Results["scenarios"][number]["contenders"][number] => ({
      name,
      rounds: [1, 2, 3].map((x) => ({ metrics: { perSecond: perSecond * x, p50Micros: 0.25 * x } })),
    });
    const contenders = [contender("heddle", 1_000_000), contender("Go", 400_000)];
    const measured: Results = { machine, scenarios: [{ name: "hops", contenders, targets: [] }] };
    const row = { what: "hops", scenario: "hops" };
    assert.deepEqual(
      runtimeTable(measured, [
        { ...row, against: "Go" },
        { ...row, metric: "p50Micros" },
      ])
        .split("\n")
        .slice(2),
      ["| hops | 2.00 M/s | Go: 800,000/s | 2.50 × |", "| hops | 0.5 µs | | |"],
    );
    assert.throws(() => runtimeTable(measured, [{ ...row, against: "Erlang/OTP" }]), /no perSecond of "Erlang\/OTP"/);
  });
});
