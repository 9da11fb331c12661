import assert from "node:assert/strict";
import { test } from "node:test";
import { sweepNote } from "../../../src/tune/sweep/note.ts";
import { play } from "./simulated.ts";

test("a complete sweep needs no note", async () => {
  assert.equal(sweepNote(await play({ knee: 4, answerMs: 5 })), undefined);
});

test("a sweep that is not complete says why, and what would help", async () => {
  const short = await play({ knee: 4, answerMs: 5 }, { budgetMs: 8000 });
  assert.match(sweepNote(short)!, /only \d of 5 good windows of some level\. A longer --budget/);
  assert.match(sweepNote(await play({ knee: 400, answerMs: 5 }, { budgetMs: 2000 }))!, /before throughput was flat/);
  const small = await play({ knee: 400, answerMs: 5 }, { rules: { largest: 32 } });
  assert.match(sweepNote(small)!, /no more than 32 requests in flight/);
  const leftOut = (reason: "errors" | "generator") => (concurrency: number) => (concurrency > 4 ? reason : undefined);
  const errors = await play({ knee: 100, answerMs: 5, leftOut: leftOut("errors") });
  assert.match(
    sweepNote(errors)!,
    /with 8 requests in flight more than 1 % of the answers were errors \(most of them: status 500\), so/,
  );
  const { levels } = errors;
  const silent = levels.map((level) => ({
    ...level,
    samples: level.samples.map((each) => ({ ...each, errors: 0, errorsByCause: {}, answers: 0 })),
  }));
  assert.match(sweepNote({ ...errors, levels: silent })!, /with 8 requests in flight there was no answer, so/);
  const generator = await play({ knee: 100, answerMs: 5, leftOut: leftOut("generator") });
  assert.match(sweepNote(generator)!, /load generator was at its own limit/);
});
