import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { next } from "../../../../../src/kit/wrapping.ts";
import { Ring } from "../../../../../src/server/models/offload/shared/job-ring.ts";

/** The second job's number has reached the sign of the word; the fourth's is the first after the wrap. */
const STARTS = [1, 2 ** 29 - 2, 2 ** 31 - 2, 2 ** 32 - 2];

describe("the ring of a link", () => {
  for (const start of STARTS) {
    test(`a job is either started or recalled, never both: number ${start} and those after it`, () => {
      const ring = new Ring(Ring.create(4));
      for (let seq = start, i = 0; i < 8; seq = next(next(seq)), i++) {
        const [one, two] = [seq, next(seq)];
        ring.open(one);
        ring.open(two);
        assert.deepEqual([ring.claim(one, 12.5), ring.recall(one)], ["claimed", "begun"]);
        assert.deepEqual([ring.recall(two), ring.claim(two, 13)], ["recalled", "recalled"]);
        assert.deepEqual([ring.startedMs(one), ring.startedMs(two)], [12.5, undefined]);
        assert.deepEqual([ring.isRunning(one), ring.isOpen(one)], [true, false]);
        ring.finish(one);
        assert.deepEqual([ring.isRunning(one), ring.recall(one)], [false, "begun"]);
      }
    });

    test(`a recalled job whose cell has a new one meanwhile cannot start that one: number ${start}`, () => {
      const ring = new Ring(Ring.create(4));
      const later = (start + 4) >>> 0;
      ring.open(start);
      ring.recall(start);
      ring.open(later);
      assert.deepEqual([ring.isOpen(start), ring.isOpen(later)], [false, true]);
      assert.deepEqual([ring.claim(start, 1), ring.claim(later, 1)], ["recalled", "claimed"]);
    });
  }

  test("a cell is not given to a second job before the first has begun", () => {
    const ring = new Ring(Ring.create(4));
    ring.open(3);
    assert.equal(ring.isTaken(7), true);
    assert.throws(() => ring.open(7), { code: "INTERNAL", message: /job 7 was opened.* open for job 3/ });
  });

  test("a job whose cell another one has got meanwhile ends as any other", () => {
    const ring = new Ring(Ring.create(4));
    ring.open(3);
    ring.claim(3, 1);
    assert.equal(ring.isTaken(7), false);
    ring.open(7);
    assert.deepEqual([ring.isRunning(3), ring.startedMs(3), ring.isOpen(3)], [false, undefined, false]);
    assert.equal(ring.recall(3), "begun");
    ring.finish(3);
    assert.deepEqual([ring.isOpen(7), ring.claim(7, 5), ring.startedMs(7)], [true, "claimed", 5]);
    assert.equal(ring.recallAll().running, 7);
  });

  test("how many messages were received is seen on the other side", () => {
    const memory = Ring.create(4);
    const [handler, server] = [new Ring(memory), new Ring(memory)];
    handler.noteRead();
    handler.noteRead();
    assert.equal(server.read, 2);
  });

  test("a transition that cannot be is an error, not a silent no", () => {
    const ring = new Ring(Ring.create(4));
    assert.throws(() => ring.claim(1, 1), { message: /job 1 was claimed, and its cell is free/ });
    assert.throws(() => ring.recall(1), { message: /job 1 was recalled, and its cell is free/ });
    ring.open(1);
    assert.throws(() => ring.finish(1), { message: /job 1 was finished, and its cell is open for job 1/ });
    ring.claim(1, 1);
    assert.throws(() => ring.claim(1, 1), { message: /job 1 was claimed, and its cell is started/ });
    ring.finish(1);
    assert.throws(() => ring.finish(1), { message: /its cell is done/ });
  });
});
