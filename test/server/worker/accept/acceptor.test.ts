import assert from "node:assert/strict";
import { Socket } from "node:net";
import { describe, test } from "node:test";
import type { Accepted } from "../../../../src/server/worker/accept/accepted.ts";
import { Acceptor } from "../../../../src/server/worker/accept/acceptor.ts";
import type { ServingThreadHandle } from "../../../../src/server/worker/serving/serving-thread-handle.ts";
import { LoadRow } from "../../../../src/supervise/load-board.ts";

const BACKLOG = 2;

/** A worker with one thread. */
function makeAcceptor(): {
  acceptor: Acceptor;
  thread: { state: string; isBlocked: boolean };
  given: Accepted[];
  refused: Socket[];
} {
  const given: Accepted[] = [];
  const refused: Socket[] = [];
  const thread = { state: "ready", isBlocked: false };
  const handle = {
    row: LoadRow.create(),
    get state() {
      return thread.state;
    },
    give: (accepted: Accepted) => given.push(accepted),
  } as unknown as ServingThreadHandle;
  const acceptor = new Acceptor({
    backlog: BACKLOG,
    threads: () => [handle],
    isStale: () => thread.isBlocked,
    turnAway: (socket) => refused.push(socket),
    onFull: () => {},
    onError: assert.ifError,
  });
  return { acceptor, thread, given, refused };
}

function connections(count: number): (Accepted & { kind: "socket" })[] {
  return Array.from({ length: count }, () => ({ kind: "socket", socket: new Socket() }));
}

describe("connections for which no thread is free", () => {
  test("wait, however many, and go to the thread in their order", () => {
    const { acceptor, thread, given } = makeAcceptor();
    const waiting = connections(BACKLOG * 3);
    thread.isBlocked = true;
    for (const each of waiting) acceptor.place(each);
    assert.equal(acceptor.waiting, waiting.length);
    assert.ok(waiting.every(({ socket }) => !socket.destroyed));
    thread.isBlocked = false;
    acceptor.placeWaiting();
    assert.deepEqual(given, waiting);
  });

  test("are refused when the server stops", () => {
    const { acceptor, thread, refused } = makeAcceptor();
    const [early, late] = connections(2);
    thread.state = "draining";
    acceptor.place(early!);
    acceptor.leave();
    acceptor.place(late!);
    assert.deepEqual(refused, [early!.socket, late!.socket]);
  });
});
