import assert from "node:assert/strict";
import { test } from "node:test";
import { summary } from "../../../src/tune/report/summary.ts";
import {
  all,
  cliff,
  elsewhere,
  hostile,
  inconclusive,
  notReached,
  saturated,
  severalModels,
  withSamplesLeftOut,
} from "./fixtures/results.ts";

test("the summary says what to run, why, and the knee with its interval, throughput, p95 and the target", () => {
  const text = summary(saturated);
  for (const line of [
    /^ {2}Run it as loop, 1 worker × 2 threads$/m,
    /^ {2}--model loop --workers 1 --threads 2$/m,
    /^ {2}knee +34 in flight \(95 % interval 28 to 38\)$/m,
    /^ {2}throughput +at most 3,194\/s$/m,
    /^ {2}p95 at the knee +16 ms$/m,
    /^ {2}target +The target \(p95 of at most 50 ms\) holds up to 71 requests in flight\./m,
    /^ {2}limited by +the server/m,
    /^ {2}open loop +p95 [\d.]+ ms at 71 %, p95 [\d.]+ ms at 81 %, p95 [\d.]+ ms at 91 %$/m,
    /^ {2}GET \/orders +0\.62 ms +9\.4 ms +none$/m,
    /^ {2}5 +Gunicorn: 2 × cores \+ 1$/m,
    /^ {2}- The hypervisor takes CPU time away/m,
  ]) {
    assert.match(text, line);
  }
});

test("without a knee the summary says so, and why", () => {
  assert.match(summary(notReached), /knee +not reached up to 8,192 in flight/);
  assert.match(summary(notReached), /throughput +at most 8,190\/s so far/);
  assert.match(summary(inconclusive), /knee +inconclusive/);
  assert.match(summary(inconclusive), /The hinge says 4\.1 in flight/);
  assert.match(summary(cliff), /Beyond it\s+is a cliff/);
});

test("a server that runs elsewhere gets no advice", () => {
  assert.doesNotMatch(summary(elsewhere), /Run it as|classic rules|unknown/);
});

test("what was left out is counted by reason", () => {
  assert.match(summary(withSamplesLeftOut), /^ {2}6 +the load generator was saturated or late$/m);
});

test("several shapes are compared, the recommended one first; one is not", () => {
  const lines = summary(severalModels).split("\n");
  const at = lines.indexOf("Measured shapes");
  assert.match(lines[at + 2]!, /^ {2}loop, 1 worker × 2 threads +34 /);
  assert.match(lines[at + 7]!, /thread-per-request/);
  assert.ok(!summary(saturated).includes("Measured shapes"));
});

for (const [name, result] of Object.entries(all)) {
  test(`${name}: nothing in it moves the cursor, and no line ends in spaces`, () => {
    for (const line of summary(result).split("\n")) {
      // oxlint-disable-next-line no-control-regex
      assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\u202e]/);
      assert.doesNotMatch(line, / $/);
      assert.doesNotMatch(line, /NaN|undefined/);
    }
  });
}

test("a line break in a note does not break the list", () => {
  assert.match(summary({ ...saturated, notes: ["one\n  two"] }), /^ {2}- one two$/m);
});

test("sentences are broken at the width of the terminal", () => {
  const { notes } = withSamplesLeftOut;
  const lines = summary({ ...saturated, notes: [...notes, "word ".repeat(60).trim()] }, { columns: 60 }).split("\n");
  for (const line of lines.filter((each) => each.includes("word") || each.includes("holds up to"))) {
    assert.ok(line.length <= 60, line);
  }
});

test("without UTF-8 it is ASCII", () => {
  const text = summary(saturated, { unicode: false });
  // oxlint-disable-next-line no-control-regex
  assert.match(text, /^[\n\u0020-\u007e]*$/);
  assert.match(text, /1 worker x 2 threads/);
});

test("a hostile name is shown in full", () => {
  assert.ok(summary(hostile).includes("\\u202e\\u001b[2J\\u0000"));
});
