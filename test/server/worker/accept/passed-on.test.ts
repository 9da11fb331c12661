import assert from "node:assert/strict";
import { Socket } from "node:net";
import { describe, test } from "node:test";
import { PassedOn } from "../../../../src/server/worker/accept/passed-on.ts";

function watch(): { passedOn: PassedOn; sent: [pid: number, id: number][]; kept: [socket: Socket, pid: number][] } {
  const sent: [number, number][] = [];
  const kept: [Socket, number][] = [];
  const passedOn = new PassedOn({
    send: (_socket, pid, id) => sent.push([pid, id]),
    ask: () => {},
    keep: (socket, pid) => kept.push([socket, pid]),
  });
  return { passedOn, sent, kept };
}

describe("connections passed on to other workers", () => {
  test("are closed here once the arbiter has them, and not before", () => {
    const { passedOn, sent, kept } = watch();
    const socket = new Socket();
    passedOn.pass(socket, 7);
    assert.deepEqual([sent, socket.destroyed], [[[7, 1]], false]);
    passedOn.confirm(1);
    assert.deepEqual([socket.destroyed, kept], [true, []]);
  });

  test("are kept when a later one has arrived and they have not", () => {
    const { passedOn, kept } = watch();
    const [lost, alsoLost, arrived, later] = [new Socket(), new Socket(), new Socket(), new Socket()];
    passedOn.pass(lost, 1);
    passedOn.pass(alsoLost, 2);
    passedOn.pass(arrived, 3);
    passedOn.pass(later, 4);
    passedOn.confirm(3);
    assert.deepEqual(kept, [
      [lost, 1],
      [alsoLost, 2],
    ]);
    assert.deepEqual([lost.destroyed, arrived.destroyed, later.destroyed], [false, true, false]);
    passedOn.confirm(4);
    assert.equal(kept.length, 2, "none twice");
  });

  test("are kept when what was sent behind them has been answered", () => {
    const { passedOn, kept } = watch();
    const [first, second] = [new Socket(), new Socket()];
    passedOn.pass(first, 1);
    passedOn.pass(second, 1);
    passedOn.lost(1);
    assert.deepEqual(kept, [[first, 1]]);
    passedOn.lost(2);
    passedOn.lost(2);
    assert.equal(kept.length, 2);
    assert.ok(!first.destroyed && !second.destroyed);
  });
});
