import assert from "node:assert/strict";
import { test } from "node:test";
import { markup } from "../../../../src/tune/report/chart/markup.ts";
import { spreadChart } from "../../../../src/tune/report/chart/spread.ts";
import type { Sample, ShapeResult } from "../../../../src/tune/types.ts";
import { saturated } from "../fixtures/results.ts";
import { find, parse } from "../support/elements.ts";

const size = { width: 400, height: 300 };
const shape = saturated.shapes[0]!;

function withHistogram(histogram: Sample["histogram"]): ShapeResult {
  const sample = { ...shape.levels[0]!.samples[0]!, histogram };
  return { ...shape, levels: [{ concurrency: 1, samples: [sample] }] };
}

function draw(result: ShapeResult) {
  return parse(markup`<svg>${spreadChart(result, size)}</svg>`.text);
}

test("each level is a column, with marks for p50, p95 and p99", () => {
  const chart = draw(shape);
  const columns = find(chart, "g", "level");
  assert.equal(columns.length, shape.levels.length);
  for (const column of columns) {
    for (const mark of ["p50", "p95", "p99"]) assert.equal(find(column, "path", mark).length, 1);
    assert.ok(find(column, "rect", "heat").length > 1);
  }
});

test("the cell with the most answers is the darkest", () => {
  const chart = draw(
    withHistogram([
      [1, 10],
      [10, 80],
      [100, 10],
    ]),
  );
  const cells = find(chart, "rect", "heat").map(({ attributes }) => Number(attributes["fill-opacity"]));
  assert.equal(cells.length, 3);
  assert.equal(Math.max(...cells), cells[1]);
  assert.ok(cells[0] === cells[2] && cells[0]! < cells[1]!);
});

test("quantiles are read off the counts of all samples that count", () => {
  const chart = draw(
    withHistogram([
      [1, 60],
      [10, 36],
      [100, 4],
    ]),
  );
  const [title] = find(chart, "title");
  assert.match(title!.text, /half within 1 ms · 95 % within 10 ms · 99 % within 100 ms/);
});

test("cells lie within the plot", () => {
  const cells = find(draw(shape), "rect", "heat");
  for (const { attributes } of cells) {
    const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => Number(attributes[name]));
    assert.ok(x! >= 0 && x! + width! <= size.width && y! >= 0 && y! + height! <= size.height);
  }
});

test("without any histogram there is no chart", () => {
  assert.equal(spreadChart(withHistogram([]), size).text, "");
});
