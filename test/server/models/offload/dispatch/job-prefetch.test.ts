import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import { AheadJobs } from "../../../../../src/server/models/offload/dispatch/job-prefetch.ts";
import { ResponseRing } from "../../../../../src/server/models/offload/shared/response-ring.ts";
import { Board } from "../../../../../src/server/models/offload/shared/pool-board.ts";
import { Link, type LinkOwner } from "../../../../../src/server/models/offload/dispatch/handler-link.ts";
import { RemoteJob } from "../../../../../src/server/models/offload/dispatch/remote-job.ts";
import { Ring } from "../../../../../src/server/models/offload/shared/job-ring.ts";

const owner: LinkOwner = {
  failed: () => assert.fail(),
  misframed: () => assert.fail("nothing was misframed"),
  ran: () => {},
  answered: () => {},
  freed: () => {},
  held: () => {},
  wake: () => {},
  kill: () => assert.fail(),
};

/** Two handler threads that run a job each, on a board with room for one ahead at both. */
function pool(): { board: Board; ahead: AheadJobs; links: readonly [Link, Link]; close: () => void } {
  const board = new Board(Board.create(3));
  const channels: MessageChannel[] = [];
  const link = (id: number, before: number): Link => {
    const seat = { slot: id, generation: 0 };
    const ring = Ring.create();
    const channel = new MessageChannel();
    channels.push(channel);
    const made = new Link(id, { ring, answers: ResponseRing.create(), seat, port: channel.port1 }, owner);
    board.open(seat);
    assert.ok(board.tryClaimIdle(seat));
    for (let i = 0; i < before; i++) made.send(job(), false);
    assert.equal(new Ring(ring).claim(before, 1), "claimed");
    return made;
  };
  const links = [link(1, 1), link(2, 2)] as const;
  return { board, ahead: new AheadJobs(board), links, close: () => channels.forEach(({ port1 }) => port1.close()) };
}

function job(): RemoteJob {
  const socket = { remoteAddress: "::1", remotePort: 1, remoteFamily: "IPv6", localAddress: "::1", localPort: 2 };
  const req = { method: "GET", url: "/", httpVersionMinor: 1, rawHeaders: [], socket };
  const res = { getHeaderNames: () => [], shouldKeepAlive: true };
  return new RemoteJob({ req, res, route: { name: "*", timeoutMs: 0 } } as never);
}

describe("jobs ahead", () => {
  test("one for each handler thread; begun, it is one no more", () => {
    const { board, ahead, links, close } = pool();
    const [first] = links;
    const one = job();
    assert.deepEqual([ahead.add(one, first), ahead.add(job(), first)], [true, false]);
    first.send(one, false);
    assert.equal(ahead.size, 1);
    assert.deepEqual([ahead.take(5), ahead.size, board.load(first.seat)], [[one], 0, 1]);
    close();
  });

  test("one that was moved is not confused with the one that has its number where it was", () => {
    const { board, ahead, links, close } = pool();
    const [first, second] = links;
    const moved = job();
    const other = job();
    const send = (each: RemoteJob, link: Link): void => {
      assert.ok(ahead.add(each, link));
      link.send(each, false);
    };
    send(moved, first);
    assert.deepEqual(first.recall(Infinity), [moved]);
    board.takeBackAhead(first.seat);
    send(other, first);
    send(moved, second);
    assert.equal(moved.seq, other.seq);
    assert.equal(ahead.size, 2);
    assert.deepEqual(new Set(ahead.take(5)), new Set([moved, other]));
    assert.deepEqual([board.load(first.seat), board.load(second.seat), ahead.size], [1, 1, 0]);
    close();
  });
});
