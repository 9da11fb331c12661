import assert from "node:assert/strict";
import { test } from "node:test";
import { othersNote, othersShare, parseBusySeconds } from "../../../src/tune/run/bystanders.ts";

const before = { atSeconds: 0, busySeconds: 100, ownSeconds: 10 };

test("what neither this process nor its children used is of other programs", () => {
  assert.equal(othersShare(before, { atSeconds: 10, busySeconds: 114, ownSeconds: 20 }, 2), 0.2);
  assert.equal(othersShare(before, { atSeconds: 10, busySeconds: 109, ownSeconds: 20 }, 2), 0, "ticks are coarser");
});

test("a note is made only of more than any system uses by itself, and only where it is known", () => {
  const cores = 1000;
  assert.equal(othersNote(before, { atSeconds: 10, busySeconds: 100.1, ownSeconds: 10 }), undefined);
  assert.match(
    othersNote(before, { atSeconds: 10, busySeconds: 100 + 10 * cores, ownSeconds: 10 })!,
    /^Other programs used \d+ % of this machine's CPU time/,
  );
  assert.equal(othersNote(undefined, before), undefined);
});

test("time that the CPUs were idle or waited is not busy", () => {
  assert.equal(parseBusySeconds("cpu  100 200 300 9999 9999 10 20 5 3 0\ncpu0 1 1 1\n"), 6.3);
  assert.equal(parseBusySeconds(""), undefined);
});
