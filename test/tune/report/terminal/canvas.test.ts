import assert from "node:assert/strict";
import { test } from "node:test";
import { Canvas } from "../../../../src/tune/report/terminal/canvas.ts";

const DOTS = [
  [0, 0, "⠁"],
  [0, 1, "⠂"],
  [0, 2, "⠄"],
  [0, 3, "⡀"],
  [1, 0, "⠈"],
  [1, 1, "⠐"],
  [1, 2, "⠠"],
  [1, 3, "⢀"],
] as const;

test("each of the eight dots of a cell is the one of its Braille pattern", () => {
  for (const [x, y, pattern] of DOTS) {
    const canvas = new Canvas(1, 1, true);
    canvas.dot(x, y);
    assert.equal(canvas.pieces(0)[0]!.text, pattern);
  }
});
