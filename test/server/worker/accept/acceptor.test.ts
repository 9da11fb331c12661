import assert from "node:assert/strict";
import { Socket } from "node:net";
import { describe, test } from "node:test";
import type { Accepted } from "../../../../src/server/worker/accept/accepted.ts";
import { Acceptor } from "../../../../src/server/worker/accept/acceptor.ts";
import type { ServingThreadHandle } from "../../../../src/server/worker/serving/serving-thread-handle.ts";
import { COUNTER, LoadRow } from "../../../../src/supervise/load-board.ts";

const BACKLOG = 2;
const FD = 1000;
const THREAD_ID = 7;

/** A worker with one thread. */
function makeAcceptor(): {
  acceptor: Acceptor;
  thread: { state: string; isBlocked: boolean };
  row: LoadRow;
  given: Accepted[];
  refused: Socket[];
} {
  const given: Accepted[] = [];
  const refused: Socket[] = [];
  const thread = { state: "ready", isBlocked: false };
  const row = LoadRow.create();
  const handle = {
    row,
    threadId: THREAD_ID,
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
  return { acceptor, thread, row, given, refused };
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

  test("are another worker's from when this one is replaced, also those that come later", () => {
    const { acceptor, thread, row, given } = makeAcceptor();
    const [early, late] = connections(2);
    const handedOn: Accepted[] = [];
    thread.isBlocked = true;
    acceptor.place(early!);
    acceptor.handOver((accepted) => handedOn.push(accepted));
    acceptor.place(late!);
    thread.state = "draining";
    row.counters[COUNTER.connections] = 2;
    // By a thread that had not heard that this one drains, and has counted it there.
    acceptor.passOn(FD, THREAD_ID);
    assert.deepEqual(handedOn, [early, late, { kind: "fd", fd: FD }]);
    assert.deepEqual([given, acceptor.waiting, row.read(COUNTER.connections)], [[], 0, 1]);
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
