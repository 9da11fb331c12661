import assert from "node:assert/strict";
import { test } from "node:test";
import { lineChart, type Panel } from "../../bench/charts/line-chart.ts";

const panel: Panel = {
  title: "a < b",
  xLabel: "clients",
  xTicks: [1, 100],
  yTicks: [
    [1, "one"],
    [100, "hundred"],
  ],
  lines: [
    {
      name: "up",
      color: "#000",
      points: [
        [1, 1],
        [10, 10],
        [100, 100],
      ],
    },
    { name: "beyond", color: "#111", points: [[1000, 0.1]] },
  ],
};

test("a chart puts a value where its logarithm lies between the ticks, and what is outside at the edge", () => {
  const svg = lineChart("label", "caption", [panel]);
  const [, from, middle, to] = /d="M([\d. ]+)L([\d. ]+)L([\d. ]+)"/
    .exec(svg)!
    .map((each) => each.split(" ").map(Number));
  for (const axis of [0, 1]) assert.equal(middle![axis], (from![axis]! + to![axis]!) / 2);
  assert.ok(to![0]! > from![0]! && to![1]! < from![1]!, "right and up");
  const [, outside] = /d="M([\d. ]+)"\/>\s+<circle[^>]+fill="#111"/.exec(svg)!;
  assert.deepEqual(outside!.split(" ").map(Number), [to![0], from![1]]);
});

test("a chart's texts cannot end its markup", () => {
  const svg = lineChart('a "label"', "caption & more", [panel]);
  assert.match(svg, /aria-label="a &quot;label&quot;"/);
  assert.match(svg, /caption &amp; more/);
  assert.match(svg, />a &lt; b</);
});
