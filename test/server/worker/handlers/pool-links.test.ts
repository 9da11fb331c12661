/** The state that a serving thread leaves on a pool's board when it dies at any point. */

import assert from "node:assert/strict";
import { describe, mock, test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import { ResponseRing } from "../../../../src/server/models/offload/shared/response-ring.ts";
import { Board } from "../../../../src/server/models/offload/shared/pool-board.ts";
import { Ring } from "../../../../src/server/models/offload/shared/job-ring.ts";
import { type LinkedHandler, PoolLinks } from "../../../../src/server/worker/handlers/pool-links.ts";

const SLOTS = 3;
const [dead, alive] = [{ index: 0 }, { index: 1 }];

interface Handler extends LinkedHandler {
  state: LinkedHandler["state"];
}

function setUp(timeoutMs = 1000): {
  board: Board;
  links: PoolLinks;
  killed: string[];
  handler: (slot: number) => Handler;
} {
  const board = new Board(Board.create(SLOTS));
  const killed: string[] = [];
  const links = new PoolLinks({ board, timeoutMs, kill: (id, why) => killed.push(`${id} ${why}`) });
  const handler = (slot: number): Handler => {
    const seat = { slot, generation: 5 };
    board.open(seat);
    const { port1 } = new MessageChannel();
    port1.close();
    const link = (): ReturnType<LinkedHandler["link"]> => ({
      ring: Ring.create(4),
      answers: ResponseRing.create(256),
      port: port1,
      seat,
    });
    return { id: slot + 10, seat, state: "ready", link };
  };
  return { board, links, killed, handler };
}

describe("a serving thread that dies", () => {
  test("leaves no waiting requests, and those of others are untouched", async () => {
    const { board, links } = setUp();
    const [mine, others] = [dead, alive].map((server) => new Int32Array(links.line(server)));
    for (let i = 0; i < 5; i++) assert.ok(board.tryWait(10));
    mine![0] = 3;
    others![0] = 2;
    const woken = board.freed.changed(board.freed.count);
    links.settle(dead);
    assert.equal(board.waiting, 2);
    assert.equal(await woken, "ok", "who waits elsewhere looks again");
    links.settle(dead);
    assert.equal(board.waiting, 2, "once");
    links.settle(alive);
    assert.equal(board.waiting, 0);
  });

  test("leaves no job that was not begun; the one that runs is taken off by who runs it", () => {
    const { board, links, handler } = setUp();
    const [one, other] = [handler(0), handler(1)];
    const [busy, idle, kept] = [links.link(one, dead), links.link(other, dead), links.link(one, alive)].map(
      ({ ring }) => new Ring(ring),
    );
    // One runs, two lie behind it, and one of the thread that lives.
    assert.ok(board.tryClaimIdle(one.seat));
    for (let i = 0; i < 3; i++) assert.ok(board.tryAdd(one.seat, 16));
    for (const seq of [7, 8, 9]) busy!.open(seq);
    kept!.open(7);
    busy!.claim(7, 1);
    // Given to it, and nothing more.
    assert.ok(board.tryClaimIdle(other.seat));
    idle!.open(3);
    links.settle(dead);
    assert.deepEqual([board.count(one.seat), board.count(other.seat)], [2, 0]);
    assert.equal(busy!.claim(8, 2), "recalled");
    busy!.finish(7);
    board.release(one.seat);
    assert.deepEqual([board.count(one.seat), kept!.claim(7, 4)], [1, "claimed"]);
  });

  test("leaves nothing ahead that has not begun, and it waits no more", () => {
    const { board, links, handler } = setUp();
    for (const hasBegun of [false, true]) {
      const each = handler(hasBegun ? 1 : 0);
      const ring = new Ring(links.link(each, dead).ring);
      assert.ok(board.tryClaimIdle(each.seat));
      ring.open(1);
      ring.claim(1, 1);
      assert.ok(board.tryWait(2));
      assert.ok(board.tryAddAhead(each.seat));
      ring.open(2, true);
      ring.finish(1);
      board.release(each.seat);
      if (!hasBegun) continue;
      ring.claim(2, 3);
      board.startAhead(each.seat);
    }
    links.settle(dead);
    assert.equal(board.waiting, 0);
    assert.deepEqual(
      [0, 1].map((slot) => board.load({ slot, generation: 5 })),
      [0, 1],
    );
  });

  test("at a thread that is gone, or has another after it, leaves nothing", () => {
    const { board, links, handler } = setUp();
    const gone = handler(0);
    const ring = new Ring(links.link(gone, dead).ring);
    assert.ok(board.tryClaimIdle(gone.seat));
    ring.open(1);
    board.close(gone.seat);
    links.forget(gone);
    const after = { slot: 0, generation: 6 };
    board.open(after);
    assert.ok(board.tryClaimIdle(after));
    links.settle(dead);
    assert.equal(board.count(after), 1);
  });

  test("has its job's thread ended, if it has not come to its end within the timeout", () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    try {
      const { board, links, handler, killed } = setUp(1000);
      for (const [slot, ends] of [
        [0, true],
        [1, false],
      ] as const) {
        const each = handler(slot);
        const ring = new Ring(links.link(each, dead).ring);
        assert.ok(board.tryClaimIdle(each.seat));
        ring.open(2 ** 32 - 1);
        ring.claim(2 ** 32 - 1, 1);
        if (ends) setTimeout(() => ring.finish(2 ** 32 - 1), 999);
      }
      links.settle(dead);
      mock.timers.tick(1000);
      assert.deepEqual(killed, [
        "11 did not end within its timeout (1000 ms), and the serving thread of its request is gone",
      ]);
    } finally {
      mock.timers.reset();
    }
  });

  test("between the board and the ring, has the thread found that counts as busy and is not", () => {
    const { board, links, handler } = setUp();
    const [lost, ahead, busy] = [handler(0), handler(1), handler(2)];
    const rings = [lost, ahead, busy].map((each) => new Ring(links.link(each, dead).ring));
    for (const each of [lost, ahead, busy]) {
      links.link(each, alive);
      assert.ok(board.tryClaimIdle(each.seat));
    }
    assert.ok(board.tryAddAhead(ahead.seat));
    board.release(ahead.seat);
    rings[2]!.open(1);
    links.settle(dead);
    assert.ok(board.tryClaimIdle(busy.seat), "what was in the ring is settled");
    board.release(busy.seat);
    assert.deepEqual([...links.lost(), ...links.lost()], []);
    const found = [...links.lost()];
    assert.deepEqual(
      found.map(([{ id }]) => id),
      [10, 11],
    );
    assert.match(found[0]![1].message, /slot 0 counts as busy, and no serving thread has a job for it/);
    assert.deepEqual([...links.lost()], [], "once");
  });

  test("leaves a job that runs, whose thread is not taken for lost before it is done", () => {
    const { board, links, handler } = setUp(0);
    const each = handler(0);
    const ring = new Ring(links.link(each, dead).ring);
    links.link(each, alive);
    assert.ok(board.tryClaimIdle(each.seat));
    ring.open(1);
    ring.claim(1, 1);
    links.settle(dead);
    for (let look = 0; look < 5; look++) assert.deepEqual([...links.lost()], []);
    ring.finish(1);
    board.release(each.seat);
    for (let look = 0; look < 5; look++) assert.deepEqual([...links.lost()], []);
    assert.ok(board.tryClaimIdle(each.seat));
    const looks = [1, 2, 3].map(() => [...links.lost()].length);
    assert.deepEqual(looks, [0, 0, 1], "what it has left is not looked at for ever");
  });

  test("a thread with a long job is not taken for lost, however many jobs were sent behind it and taken back", () => {
    const { board, links, handler } = setUp();
    const each = handler(0);
    const ring = new Ring(links.link(each, alive).ring);
    assert.ok(board.tryClaimIdle(each.seat));
    ring.open(1);
    ring.claim(1, 1);
    for (let seq = 2; seq < 2 + 2 * ring.cells; seq++) {
      ring.open(seq);
      assert.equal(ring.recall(seq), "recalled");
    }
    for (let look = 0; look < 5; look++) assert.deepEqual([...links.lost()], []);
    ring.finish(1);
    for (let look = 0; look < 2; look++) assert.deepEqual([...links.lost()], []);
    assert.equal([...links.lost()].length, 1, "when it is done, the board must say so");
  });

  test("a thread that is busy with one job after the other is not taken for lost, whenever it is looked at", () => {
    const { board, links, handler } = setUp();
    const each = handler(0);
    const ring = new Ring(links.link(each, alive).ring);
    for (let seq = 0; seq < 50; seq++) {
      assert.ok(board.tryClaimIdle(each.seat));
      assert.deepEqual([...links.lost()], [], "added on the board");
      ring.open(seq);
      assert.deepEqual([...links.lost()], [], "sent");
      ring.claim(seq, 1);
      ring.finish(seq);
      assert.deepEqual([...links.lost()], [], "done in the ring");
      board.release(each.seat);
    }
    board.close(each.seat);
    assert.deepEqual([...links.lost(), ...links.lost()], [], "nor one that is let go");
  });
});
