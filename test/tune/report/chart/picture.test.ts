import assert from "node:assert/strict";
import { test } from "node:test";
import { linesChart } from "../../../../src/tune/report/chart/lines.ts";
import { kneePicture, svgPicture } from "../../../../src/tune/report/chart/picture.ts";
import { plain } from "../../../../src/tune/report/numbers.ts";
import { HOSTILE, saturated } from "../fixtures/results.ts";
import { find, parse, textOf } from "../support/elements.ts";

const axis = { kind: "log", low: 1, high: 100, label: "clients", told: plain } as const;

function picture(label: string, name: string): string {
  const lines = [
    {
      name,
      points: [
        [1, 1],
        [10, 10],
        [100, 100],
      ],
    },
    { name: "beyond", points: [[1000, 0.1]] },
  ] as const;
  const draw = (size: { readonly width: number; readonly height: number }) => linesChart(lines, axis, axis, size, true);
  return svgPicture({ label, caption: label, panels: [{ title: label, draw }] });
}

test("a value is placed where its logarithm lies between the ends, and what is outside at the edge", () => {
  const svg = parse(picture("label", "up"));
  const [path] = find(svg, "path", "line");
  const [from, middle, to] = path!.attributes["d"]!.slice(1)
    .split("L")
    .map((each) => each.split(" ").map(Number));
  for (const index of [0, 1]) assert.ok(Math.abs(middle![index]! - (from![index]! + to![index]!) / 2) < 0.11);
  assert.ok(to![0]! > from![0]! && to![1]! < from![1]!, "right and up");
  const [mark] = find(find(svg, "g", "c2")[0]!, "path", "dot");
  const corners = [...mark!.attributes["d"]!.matchAll(/[\d.]+/g)].map(Number);
  assert.ok(Math.abs((corners[0]! + corners[2]!) / 2 - to![0]!) < 0.2, "at the right edge");
});

test("a picture is one element that names itself, in a light and in a dark dress", () => {
  const source = picture("what it shows", "up");
  const root = parse(source);
  assert.equal(root.children.length, 1);
  assert.equal(root.children[0]!.attributes["aria-label"], "what it shows");
  assert.match(source, /prefers-color-scheme:dark/);
  assert.doesNotMatch(source, /https?:\/\/(?!www\.w3\.org\/2000\/svg")/);
});

test("a picture's texts cannot end its markup", () => {
  const names = find(parse(picture(HOSTILE, HOSTILE)), "text").map(textOf);
  assert.ok(names.some((name) => name.startsWith("</td></svg><script>")));
});

test("the picture of a knee shows it in both panels, and nothing that would need a legend", () => {
  const svg = parse(kneePicture(saturated.shapes[0]!, "app.ts", 50));
  assert.equal(find(svg, "g", "knee").length, 2);
  assert.equal(find(svg, "path", "usl").length + find(svg, "path", "kneedle").length, 0);
  assert.equal(find(svg, "g", "target").length, 1);
});
