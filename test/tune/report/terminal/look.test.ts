import assert from "node:assert/strict";
import { test } from "node:test";
import { lookOf, sizeOf } from "../../../../src/tune/report/terminal/look.ts";

const terminal = { isTTY: true, columns: 120, rows: 40 };

test("a terminal of UTF-8 gets colours, Braille and redrawing", () => {
  assert.deepEqual(lookOf(terminal, { LANG: "de_DE.UTF-8", TERM: "xterm" }), {
    columns: 120,
    rows: 40,
    colour: true,
    unicode: true,
    live: true,
  });
});

test("a pipe gets neither colours nor redrawing", () => {
  const look = lookOf({}, { LANG: "C.utf8" });
  assert.deepEqual([look.colour, look.live, look.columns], [false, false, 80]);
});

test("a terminal whose size nobody has set, 0 by 0, gets the usual one, also while it is redrawn", () => {
  const { columns, rows } = lookOf({ isTTY: true, columns: 0, rows: 0 }, {});
  assert.deepEqual([columns, rows], [80, 24]);
  assert.deepEqual(sizeOf({ columns: 0, rows: 50 }, { columns: 100, rows: 30 }), { columns: 100, rows: 50 });
});

test("NO_COLOR takes the colours and nothing else; empty it means nothing", () => {
  const look = lookOf(terminal, { NO_COLOR: "1" });
  assert.deepEqual([look.colour, look.live], [false, true]);
  assert.equal(lookOf(terminal, { NO_COLOR: "" }).colour, true);
});

test("a dumb terminal is not redrawn", () => {
  const look = lookOf(terminal, { TERM: "dumb" });
  assert.deepEqual([look.colour, look.live], [false, false]);
});

test("the first locale that is set decides whether UTF-8 is shown", () => {
  assert.equal(lookOf(terminal, { LC_ALL: "C", LANG: "en_US.UTF-8" }).unicode, false);
  assert.equal(lookOf(terminal, { LC_ALL: "", LC_CTYPE: "en_US.UTF-8" }).unicode, true);
  assert.equal(lookOf(terminal, {}).unicode, false);
});
