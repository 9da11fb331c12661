/** The meeting of a generation's workers: who has which name, and what is passed on. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeFrame, encodeFrame, KIND, MAY } from "../../../../src/actors/across/protocol.ts";
import { threadNumber } from "../../../../src/actors/across/thread-numbers.ts";
import { type Guest, Meeting } from "../../../../src/server/arbiter/actors/meeting.ts";

const names = new Map(Object.entries(KIND).map(([name, kind]) => [kind as number, name]));

class TestGuest implements Guest {
  readonly worker: number;
  readonly slot: number;
  /** The numbers of registrations that it was told to wait with. */
  readonly waits: Set<number> = new Set();
  readonly #frames: Buffer[] = [];
  #flushed = 0;

  constructor(worker: number, slot: number = worker) {
    this.worker = worker;
    this.slot = slot;
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
    for (const { kind, flag, b } of frames) if (kind === KIND.claimed && flag === 1) this.waits.add(b);
    return frames.map(({ kind, a, b }) => `${names.get(kind)!} ${a} ${b}`);
  }
}

/** They have booted. */
function join(meeting: Meeting, ...guests: TestGuest[]): void {
  for (const guest of guests) {
    meeting.join(guest);
    meeting.booted(guest.worker);
  }
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
  meeting.claim(a, 7, "name", 0);
  meeting.flush();
  const [claimed] = a.told();
  const number = Number(claimed!.split(" ")[2]);
  assert.ok(number > 0);
  for (const isReleased of [false, true]) {
    meeting.claim(b, 8, "name", 0);
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
  meeting.claim(a, 1, "name", 0);
  meeting.claim(b, 2, "name", 0);
  meeting.claim(c, 3, "name", 0);
  // One of those who ask may end as well.
  meeting.leave(a);
  meeting.flush();
  const [toB, toC] = [b.told(), c.told()];
  assert.match(toB.join(), /^gone 1 0,claimed 2 [1-9]/);
  // It seems taken again, by the second one.
  assert.deepEqual(toC, ["gone 1 0", "claimed 3 0"]);
  meeting.leave(b);
  meeting.claim(c, 4, "name", 0);
  meeting.flush();
  assert.match(c.told().join(), /^gone 2 0,claimed 4 [1-9]/);
  assert.equal(meeting.names, 1);
  assert.equal(meeting.size, 1);
});

const BEHIND = MAY.followReplaced;

/** The number of the registration, of `claimed <claim> <number>`. */
function numberOf(line: string): number {
  return Number(line.split(" ")[2]);
}

/** Claims, and is not refused. Returns the number. */
function claimed(meeting: Meeting, guest: TestGuest, may: number = BEHIND): number {
  meeting.claim(guest, 1, "name", may);
  meeting.flush();
  const line = guest.told().find((told) => !told.startsWith("gone")) ?? "nothing";
  assert.match(line, /^claimed 1 [1-9][\d.]*$/);
  return numberOf(line);
}

test("the replacement of a worker waits for its name, and has it when the holder releases it or ends", () => {
  for (const how of ["release", "leave"] as const) {
    const meeting = new Meeting();
    const [old, young, other] = [new TestGuest(1, 0), new TestGuest(3, 0), new TestGuest(2, 1)];
    join(meeting, old, other, young);
    const first = claimed(meeting, old);
    meeting.claim(young, 5, "name", BEHIND);
    meeting.flush();
    assert.deepEqual(old.told(), [], "nobody is asked");
    assert.equal(young.waits.has(numberOf(young.told()[0]!)), true);
    const second = Math.max(...young.waits);
    assert.ok(second > first);
    // To others it is the holder's, and they are refused.
    meeting.claim(other, 6, "name", BEHIND);
    meeting.flush();
    meeting.checked(Number(old.told()[0]!.split(" ")[1]));
    meeting.flush();
    assert.deepEqual(other.told(), ["claimed 6 0"]);
    assert.deepEqual(young.told(), []);
    if (how === "release") meeting.release(old, first, "name");
    else meeting.leave(old);
    meeting.flush();
    // The end of the holder is told first.
    const gone = how === "leave" ? ["gone 1 0"] : [];
    assert.deepEqual(young.told(), [...gone, `promoted ${second} 0`]);
    assert.deepEqual(other.told(), gone);
    assert.equal(meeting.names, 1);
    meeting.release(young, second, "name");
    assert.equal(meeting.names, 0);
  }
});

test("a replacement that ends before the holder changes nothing, and one that ends after it leaves the name free", () => {
  const meeting = new Meeting();
  const [old, failed, young, other] = [1, 2, 3].map((worker) => new TestGuest(worker, 0)).concat(new TestGuest(4, 1));
  join(meeting, old!, failed!, other!);
  const first = claimed(meeting, old!);
  claimed(meeting, failed!);
  meeting.leave(failed!);
  meeting.flush();
  assert.deepEqual([old!.told(), other!.told()], [["gone 2 0"], ["gone 2 0"]]);
  join(meeting, young!);
  for (const guest of [old!, other!]) guest.told();
  const given = claimed(meeting, young!);
  meeting.release(old!, first, "name");
  meeting.release(old!, first, "name");
  meeting.flush();
  assert.deepEqual(young!.told(), [`promoted ${given} 0`]);
  // It is taken: also for the worker that has released it.
  meeting.claim(old!, 2, "name", BEHIND);
  meeting.flush();
  meeting.checked(Number(young!.told()[0]!.split(" ")[1]));
  meeting.flush();
  assert.deepEqual(old!.told(), ["claimed 2 0"]);
  meeting.leave(young!);
  assert.equal(meeting.names, 0);
  assert.ok(claimed(meeting, old!) > given);
});

test("a replacement that is itself replaced hands its turn on, whichever of them ends first", () => {
  for (const order of [
    [0, 1, 2],
    [1, 0, 2],
    [0, 2, 1],
    [2, 1, 0],
  ]) {
    const meeting = new Meeting();
    const guests = [1, 2, 3].map((worker) => new TestGuest(worker, 0));
    join(meeting, ...guests);
    const numbers = guests.map((guest) => claimed(meeting, guest));
    const left = new Set([0, 1, 2]);
    for (const index of order) {
      const before = Math.min(...left);
      left.delete(index);
      meeting.leave(guests[index]!);
      meeting.flush();
      const now = Math.min(...left);
      for (const i of left) {
        const promoted = guests[i]!.told().filter((line) => line.startsWith("promoted"));
        assert.deepEqual(promoted, i === now && now !== before ? [`promoted ${numbers[i]} 0`] : []);
      }
    }
    assert.equal(meeting.names, 0);
  }
});

test("only who replaces the last one may wait behind it, and only if it asks for that", () => {
  const meeting = new Meeting();
  const [old, young, other] = [new TestGuest(1, 0), new TestGuest(2, 0), new TestGuest(3, 1)];
  join(meeting, old, young, other);
  claimed(meeting, young);
  const refused = (guest: TestGuest, may: number): void => {
    meeting.claim(guest, 4, "name", may);
    meeting.flush();
    const asked = young.told().find((line) => line.startsWith("check"))!;
    meeting.checked(Number(asked.split(" ")[1]));
    meeting.flush();
    assert.deepEqual(guest.told(), ["claimed 4 0"]);
  };
  refused(old, BEHIND);
  refused(other, BEHIND);
  refused(other, MAY.followOwn);
  refused(young, BEHIND);
  // Its worker says that one of its threads replaces another.
  claimed(meeting, young, MAY.followOwn);
  assert.equal(meeting.names, 1);
  meeting.leave(young);
  claimed(meeting, old, 0);
  meeting.claim(new TestGuest(9, 0), 4, "name", 0);
  meeting.flush();
  assert.match(old.told().join(), /check/, "who does not want to wait is refused as any other");
});

test("while the replacement boots, a name that was given back is kept for the worker that had it", () => {
  for (const next of ["takes it back", "boots", "leaves", "is left"] as const) {
    const meeting = new Meeting();
    const [old, young, other] = [new TestGuest(1, 0), new TestGuest(3, 0), new TestGuest(2, 1)];
    join(meeting, old, other);
    meeting.join(young);
    meeting.flush();
    for (const guest of [old, young, other]) guest.told();
    const first = claimed(meeting, old);
    const second = claimed(meeting, young);
    // Its actor has crashed.
    meeting.release(old, first, "name");
    meeting.flush();
    assert.deepEqual(young.told(), []);
    assert.equal(meeting.names, 1);
    // Not for anybody else.
    meeting.claim(other, 6, "name", BEHIND);
    meeting.flush();
    meeting.checked(Number(young.told()[0]!.split(" ")[1]));
    meeting.flush();
    assert.deepEqual(other.told(), ["claimed 6 0"]);
    if (next === "takes it back") {
      let third = first;
      for (let again = 0; again < 20; again++) {
        const last = third;
        third = claimed(meeting, old, 0);
        // Of several, a thread takes the largest: the replacement's threads have their own all the time.
        assert.ok(last < third && third < second);
        assert.equal(old.waits.has(third), false);
        if (again < 19) meeting.release(old, third, "name");
      }
      meeting.booted(young.worker);
      meeting.flush();
      assert.deepEqual(young.told(), []);
      meeting.release(old, third, "name");
    } else if (next === "boots") meeting.booted(young.worker);
    else if (next === "leaves") meeting.leave(old);
    else meeting.leave(young);
    meeting.flush();
    if (next === "is left") {
      assert.equal(meeting.names, 0);
      assert.ok(claimed(meeting, other) > second);
      continue;
    }
    assert.equal(young.told().at(-1), `promoted ${second} 0`);
    // It is the replacement's from now on.
    meeting.claim(old, 7, "name", BEHIND);
    meeting.flush();
    assert.ok(!old.told().some((told) => /^claimed 7 [1-9]/.test(told)));
  }
});
