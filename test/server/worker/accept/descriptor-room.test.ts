import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import { describe, test } from "node:test";
import { openDescriptors } from "../../../../src/platform/descriptors.ts";
import { DescriptorRoom, reserveOf, roomFor } from "../../../../src/server/worker/accept/descriptor-room.ts";

function setUp(
  limit: number,
  open: number,
  sharers = 1,
): { room: DescriptorRoom; use: { open: number }; looks: () => number } {
  const use = { limit, open };
  let looks = 0;
  const room = new DescriptorRoom({
    connections: () => 1,
    sharers: () => sharers,
    sockets: () => 0,
    use: () => {
      looks++;
      return { ...use };
    },
  });
  return { room, use, looks: () => looks };
}

/** Accepts until it says no. */
function acceptAll(room: DescriptorRoom, use: { open: number }): number {
  let accepted = 0;
  do {
    use.open++;
    accepted++;
  } while (room.take());
  return accepted;
}

describe("room for connections", () => {
  test("a sixteenth of the limit is kept free, between 16 and 128", () => {
    assert.deepEqual([64, 128, 1024, 2048, 1_048_576].map(reserveOf), [16, 16, 64, 128, 128]);
  });

  test("is what the limit leaves beyond what is open and what is kept free", () => {
    assert.equal(roomFor({ limit: 1024, open: 60 }, 5, 0), 900);
    assert.equal(roomFor({ limit: 1024, open: 960 }, 900, 0), 0);
  });

  test("a process without connections takes one although nothing is kept free then, unless there is really no descriptor", () => {
    assert.equal(roomFor({ limit: 64, open: 60 }, 0, 0), 1);
    assert.equal(roomFor({ limit: 64, open: 60 }, 1, 0), -12);
    assert.ok(roomFor({ limit: 64, open: 64 }, 0, 0) < 1);
    // It has to listen again before.
    assert.ok(roomFor({ limit: 64, open: 63 }, 0, 1) < 1);
  });

  test("ends exactly where the kept ones begin, and is rarely measured on the way", () => {
    const { room, use, looks } = setUp(2048, 50);
    room.look();
    assert.equal(acceptAll(room, use), 2048 - 50 - 128);
    assert.ok(looks() < 20, `${looks()} times`);
  });

  test("threads that share it exceed it by at most one each", () => {
    const { room, use } = setUp(2048, 50, 4);
    const other = new DescriptorRoom({
      connections: () => 1,
      sharers: () => 4,
      sockets: () => 0,
      use: () => ({ limit: 2048, open: use.open }),
    });
    let goesOn = true;
    while (goesOn) {
      use.open += 2;
      goesOn = [room.take(), other.take()].every(Boolean);
    }
    assert.ok(use.open <= 2048 - 128 + 4, `${use.open} are open`);
  });

  test("counts what else the process opens", () => {
    const { room, use } = setUp(1024, 50);
    room.look();
    use.open += 880;
    assert.equal(room.look(), 30);
    assert.equal(acceptAll(room, use), 30);
  });

  test("is without end where it can't be told", () => {
    const room = new DescriptorRoom({ connections: () => 9, sharers: () => 1, sockets: () => 0, use: () => undefined });
    assert.equal(room.look(), Infinity);
    assert.ok(room.take());
  });
});

test("open descriptors are counted", () => {
  const before = openDescriptors(true)!;
  const fds = Array.from({ length: 20 }, () => openSync("/dev/null", "r"));
  assert.equal(openDescriptors(true)! - before, 20);
  for (const fd of fds) closeSync(fd);
});
