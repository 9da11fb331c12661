import assert from "node:assert/strict";
import { test } from "node:test";
import { type Anchor, boxOf, overlaps } from "../../../../src/tune/report/chart/labels.ts";
import { FONT_SIZE } from "../../../../src/tune/report/chart/frame.ts";
import { renderReport } from "../../../../src/tune/report/page/page.ts";
import { all, saturated, withSamplesLeftOut } from "../fixtures/results.ts";
import { type Element, everyOf, find, parse } from "../support/elements.ts";

function chartsOf(page: Element): Element[] {
  return find(page, "svg", "chart");
}

function sizeOf(chart: Element): [width: number, height: number] {
  const [, , width, height] = chart.attributes["viewBox"]!.split(" ").map(Number);
  return [width!, height!];
}

/** The labels of a chart with their boxes; not its title and description. */
function labelsOf(chart: Element) {
  return find(chart, "text").map(({ text, attributes }) => {
    const anchor = (attributes["text-anchor"] ?? "start") as Anchor;
    const label = { text, x: Number(attributes["x"]), y: Number(attributes["y"]), anchor };
    return { text, box: boxOf(label, FONT_SIZE) };
  });
}

function chart(page: Element, figure: string, size: "wide" | "narrow" = "wide"): Element {
  const found = everyOf(page).find(({ name, attributes }) => name === "figure" && attributes["id"] === figure);
  return find(found!, "svg", size)[0]!;
}

for (const [name, result] of Object.entries(all)) {
  const charts = chartsOf(parse(renderReport(result)));

  test(`${name}: all labels lie within their charts`, () => {
    for (const each of charts) {
      const [width, height] = sizeOf(each);
      for (const { text, box } of labelsOf(each)) {
        const isInside = box.left >= -0.5 && box.top >= 0 && box.right <= width + 0.5 && box.bottom <= height;
        assert.ok(isInside, `${text}: ${JSON.stringify(box)} of ${width} × ${height}`);
      }
    }
  });

  test(`${name}: no label touches another`, () => {
    for (const each of charts) {
      const labels = labelsOf(each);
      for (const [index, a] of labels.entries()) {
        const other = labels.slice(index + 1).find((b) => overlaps(a.box, b.box));
        assert.equal(other, undefined, `${a.text} touches ${other?.text}`);
      }
    }
  });

  test(`${name}: all marks lie within their charts`, () => {
    for (const each of charts) {
      const [width, height] = sizeOf(each);
      for (const { attributes } of find(each, "circle")) {
        const [x, y] = [Number(attributes["cx"]), Number(attributes["cy"])];
        assert.ok(x >= 0 && x <= width && y >= 0 && y <= height);
      }
      for (const { attributes } of find(each, "path")) assert.doesNotMatch(attributes["d"]!, /NaN|Infinity/);
    }
  });
}

for (const size of ["wide", "narrow"] as const) {
  test(`each level is a mark in both charts of the knee, ${size}`, () => {
    const page = parse(renderReport(saturated));
    assert.equal(find(chart(page, "throughput", size), "circle", "dot").length, saturated.levels.length);
    assert.equal(find(chart(page, "p95", size), "circle", "dot").length, saturated.levels.length);
  });

  test(`each sample that was left out is a mark, ${size}`, () => {
    const page = parse(renderReport(withSamplesLeftOut));
    const samples = withSamplesLeftOut.levels.flatMap(({ samples: each }) => each);
    const count = samples.filter(({ leftOut }) => leftOut !== undefined).length;
    for (const id of ["throughput", "p95"]) {
      const [group] = find(chart(page, id, size), "g", "left-out");
      assert.equal(group!.children.length, count);
    }
  });
}

test("a sample that was left out stands at its level", () => {
  const each = chart(parse(renderReport(withSamplesLeftOut)), "throughput");
  const levels = find(each, "circle", "dot").map(({ attributes }) => Number(attributes["cx"]));
  const marks = find(each, "g", "left-out")[0]!.children.map(({ attributes }) => {
    const numbers = attributes["d"]!.match(/[\d.]+/g)!.map(Number);
    const places = numbers.filter((_, index) => index % 2 === 0);
    return (Math.min(...places) + Math.max(...places)) / 2;
  });
  /** The levels 8 and 16, with one each. */
  assert.ok(Math.abs(marks[0]! - levels[3]!) < 1, `${marks[0]} ${levels[3]}`);
  assert.ok(Math.abs(marks[1]! - levels[4]!) < 1, `${marks[1]} ${levels[4]}`);
});

test("the knee's band reaches from the low to the high end of its interval", () => {
  const page = parse(renderReport(saturated));
  const each = chart(page, "throughput");
  const [band] = find(each, "rect", "band");
  const marks = find(each, "circle", "dot").map(({ attributes }) => Number(attributes["cx"]));
  const { knee, levels } = saturated;
  assert.ok("value" in knee);
  /** Places are linear in the logarithm of the concurrency. */
  const at = (n: number): number => {
    const [first, last] = [levels[0]!.concurrency, levels.at(-1)!.concurrency];
    return marks[0]! + ((marks.at(-1)! - marks[0]!) * Math.log(n / first)) / Math.log(last / first);
  };
  const from = Number(band!.attributes["x"]);
  assert.ok(Math.abs(from - at(knee.low)) < 0.1);
  assert.ok(Math.abs(from + Number(band!.attributes["width"]) - at(knee.high)) < 0.1);
});

test("a higher throughput is drawn higher, a longer time too", () => {
  const page = parse(renderReport(saturated));
  for (const id of ["throughput", "p95"]) {
    const heights = find(chart(page, id), "circle", "dot").map(({ attributes }) => Number(attributes["cy"]));
    assert.ok(heights.at(-1)! < heights[0]!);
  }
});
