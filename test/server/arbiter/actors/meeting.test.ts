/** The meeting of a generation's workers: who has which name, and what is passed on. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeFrame, encodeFrame, KIND } from "../../../../src/actors/across/protocol.ts";
import { threadNumber } from "../../../../src/actors/across/thread-numbers.ts";
import { type Guest, Meeting } from "../../../../src/server/arbiter/actors/meeting.ts";

const names = new Map(Object.entries(KIND).map(([name, kind]) => [kind as number, name]));

class TestGuest implements Guest {
  readonly worker: number;
  readonly #frames: Buffer[] = [];
  #flushed = 0;

  constructor(worker: number) {
    this.worker = worker;
  }

  add(frame: Buffer): void {
    this.#frames.push(frame);
  }

  flush(): void {
    this.#flushed = this.#frames.length;
  }

  /** What it was told since the last look: `claimed 1 0`. */
  told(): string[] {
    const frames = this.#frames.splice(0, this.#flushed).map((frame) => decodeFrame(frame)!);
    this.#flushed = 0;
    return frames.map(({ kind, a, b }) => `${names.get(kind)!} ${a} ${b}`);
  }
}

function join(meeting: Meeting, ...guests: TestGuest[]): void {
  for (const guest of guests) meeting.join(guest);
  meeting.flush();
  for (const guest of guests) guest.told();
}

test("who comes in is told of the others, and they of it; who leaves is gone for all", () => {
  const meeting = new Meeting();
  const [a, b, c] = [new TestGuest(1), new TestGuest(2), new TestGuest(3)];
  for (const guest of [a, b, c]) meeting.join(guest);
  meeting.flush();
  assert.deepEqual(a.told(), ["welcome 0 0", "added 2 0", "added 3 0"]);
  assert.deepEqual(c.told(), ["welcome 0 0", "added 1 0", "added 2 0"]);
  meeting.leave(b);
  meeting.leave(b);
  meeting.flush();
  assert.deepEqual([a.told(), c.told()], [["gone 2 0"], ["gone 2 0"]]);
  // A frame for it comes back as the news that it is gone; one for another worker is passed on.
  const to = (worker: number): Buffer => encodeFrame(KIND.data, threadNumber(worker, 4), threadNumber(1, 0));
  meeting.pass(a, 2, to(2));
  meeting.pass(a, 3, to(3));
  meeting.flush();
  assert.deepEqual([a.told(), c.told()], [["gone 2 0"], ["data 3000000004 1000000000"]]);
});

test("a name that seems taken is refused only after its holder has said all that it had to say", () => {
  const meeting = new Meeting();
  const [a, b] = [new TestGuest(1), new TestGuest(2)];
  join(meeting, a, b);
  meeting.claim(a, 7, "name");
  meeting.flush();
  const [claimed] = a.told();
  const number = Number(claimed!.split(" ")[2]);
  assert.ok(number > 0);
  for (const isReleased of [false, true]) {
    meeting.claim(b, 8, "name");
    meeting.flush();
    assert.deepEqual(b.told(), []);
    const [kind, doubt] = a.told()[0]!.split(" ");
    assert.equal(kind, "check");
    // An old number releases nothing, and neither does another worker.
    meeting.release(a, number - 1, "name");
    meeting.release(b, number, "name");
    if (isReleased) meeting.release(a, number, "name");
    meeting.checked(Number(doubt));
    meeting.checked(Number(doubt));
    meeting.flush();
    const [, , given] = b.told()[0]!.split(" ");
    assert.equal(Number(given) > number, isReleased);
    assert.equal(given === "0", !isReleased);
  }
});

test("a holder that ends while it is asked gives its name to the first who asked", () => {
  const meeting = new Meeting();
  const [a, b, c] = [new TestGuest(1), new TestGuest(2), new TestGuest(3)];
  join(meeting, a, b, c);
  meeting.claim(a, 1, "name");
  meeting.claim(b, 2, "name");
  meeting.claim(c, 3, "name");
  // One of those who ask may end as well.
  meeting.leave(a);
  meeting.flush();
  const [toB, toC] = [b.told(), c.told()];
  assert.match(toB.join(), /^gone 1 0,claimed 2 [1-9]/);
  // It seems taken again, by the second one.
  assert.deepEqual(toC, ["gone 1 0", "claimed 3 0"]);
  meeting.leave(b);
  meeting.claim(c, 4, "name");
  meeting.flush();
  assert.match(c.told().join(), /^gone 2 0,claimed 4 [1-9]/);
  assert.equal(meeting.names, 1);
  assert.equal(meeting.size, 1);
});
