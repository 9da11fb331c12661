import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { terminalChart } from "../../../../src/tune/report/terminal/chart.ts";
import { all, cliff, inconclusive, notReached, saturated } from "../fixtures/results.ts";

const plain = { columns: 80, colour: false } as const;

function linesOf(...[levels, knee, options]: Parameters<typeof terminalChart>): string[] {
  return terminalChart(levels, knee, options).split("\n");
}

for (const [name, { levels, knee }] of Object.entries(all)) {
  test(`${name}: no line is longer than the terminal is wide, whatever its width`, () => {
    for (const columns of [40, 61, 80, 200]) {
      for (const unicode of [true, false]) {
        for (const line of linesOf(levels, knee, { ...plain, columns, unicode, targetMs: 50 })) {
          assert.ok(line.length <= columns, `${line.length} of ${columns}: ${line}`);
        }
      }
    }
  });
}

test("colours change no place", () => {
  const coloured = terminalChart(saturated.levels, saturated.knee, { ...plain, colour: true });
  const without = terminalChart(saturated.levels, saturated.knee, plain);
  assert.notEqual(coloured, without);
  assert.equal(stripVTControlCharacters(coloured), without);
});

test("without colour there is no escape sequence, and without UTF-8 only ASCII", () => {
  const chart = terminalChart(saturated.levels, saturated.knee, { ...plain, unicode: false, targetMs: 50 });
  // oxlint-disable-next-line no-control-regex
  assert.match(chart, /^[\n\u0020-\u007e]*$/);
  assert.ok(chart.includes("*"));
});

test("the knee is a column through both panels, and its interval a thick piece of the axis around it", () => {
  const lines = linesOf(saturated.levels, saturated.knee, plain);
  const columns = new Set(lines.flatMap((line) => (line.includes("┊") ? line.indexOf("┊") : [])));
  assert.equal(columns.size, 1);
  const [column] = columns;
  const floor = lines.find((line) => line.includes("━"))!;
  assert.ok(floor.indexOf("━") <= column! && floor.lastIndexOf("━") >= column!);
  assert.match(lines.at(-1)!, /Knee: 34 in flight \(95 % interval 28 to 38\)/);
});

test("without a knee none is drawn, and the last line says why", () => {
  for (const [{ levels, knee }, words] of [
    [notReached, "not reached up to 8,192 in flight"],
    [inconclusive, "inconclusive"],
  ] as const) {
    const chart = terminalChart(levels, knee, plain);
    assert.doesNotMatch(chart, /[┊━]/);
    assert.ok(chart.endsWith(`Knee: ${words}`));
  }
});

test("throughput rises to the right and p95 too, from the first to the last column", () => {
  const lines = linesOf(saturated.levels, saturated.knee, { ...plain, unicode: false, rows: 8 });
  const panel = (title: string): string[] => {
    const at = lines.findIndex((line) => line.includes(title));
    return lines.slice(at + 1, at + 9).map((line) => line.slice(10));
  };
  for (const rows of [panel("answers per second"), panel("p95 of latency")]) {
    const first = rows.findIndex((row) => row.startsWith("*"));
    const last = rows.findIndex((row) => row.padEnd(70)[69] === "*");
    assert.ok(first > last && last >= 0, `${first} ${last}`);
  }
});

test("a collapse is seen: the curve of throughput ends below its middle", () => {
  const lines = linesOf(cliff.levels, cliff.knee, { ...plain, unicode: false, rows: 8 });
  const rows = lines.slice(1, 9).map((line) => line.slice(10).padEnd(70));
  assert.ok(rows.findIndex((row) => row[69] === "*") >= 4);
});

test("the target is a row of the panel of p95", () => {
  const chart = terminalChart(saturated.levels, saturated.knee, { ...plain, targetMs: 50 });
  assert.match(chart, /p95 of latency, target 50 ms\n(.*\n)*.*╌╌╌/);
});

test("labels of an axis to 8,192 are decades and do not run into each other", () => {
  const lines = linesOf(notReached.levels, notReached.knee, { ...plain, columns: 60 });
  assert.deepEqual(lines.at(-2)!.trim().split(/ +/), ["1", "10", "100", "1,000"]);
});

test("too little to draw is nothing: one level, or a narrow terminal", () => {
  assert.equal(terminalChart(saturated.levels.slice(0, 1), saturated.knee, plain), "");
  assert.equal(terminalChart(saturated.levels, saturated.knee, { ...plain, columns: 39 }), "");
});
