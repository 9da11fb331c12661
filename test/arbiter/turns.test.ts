import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { describe, test } from "node:test";
import { Turns } from "../../src/arbiter/turns.ts";

interface Connection {
  readonly name: string;
  destroyed: boolean;
  destroy(): void;
}

class FakeWorker {
  isIdle = true;
  readonly got: string[] = [];
  hand(socket: Socket): void {
    this.isIdle = false;
    this.got.push(nameOf(socket));
  }
}

function connection(name: string): Socket {
  const made: Connection = { name, destroyed: false, destroy: () => void (made.destroyed = true) };
  return made as unknown as Socket;
}

function nameOf(socket: Socket): string {
  return (socket as unknown as Connection).name;
}

function setUp(
  workers: number,
  queue = 10,
): { turns: Turns; workers: FakeWorker[]; away: string[]; left: Set<string> } {
  const all = Array.from({ length: workers }, () => new FakeWorker());
  const away: string[] = [];
  const left = new Set<string>();
  const turns = new Turns({
    workers: () => all,
    limits: () => ({ queue, queueTimeoutMs: 0 }),
    turnAway: (socket) => void away.push(nameOf(socket)),
    hungUp: (sockets) => new Set(sockets.filter((socket) => left.has(nameOf(socket)))),
  });
  return { turns, workers: all, away, left };
}

describe("taking turns", () => {
  test("gives each idle worker one connection and nobody a second", (t) => {
    const { turns, workers } = setUp(3);
    t.after(() => turns.close());
    for (const name of ["a", "b", "c", "d"]) turns.take(connection(name));
    assert.deepEqual(
      workers.map(({ got }) => got),
      [["a"], ["b"], ["c"]],
    );
    assert.equal(turns.waiting, 1);
    workers[1]!.isIdle = true;
    turns.look();
    assert.deepEqual(workers[1]!.got, ["b", "d"]);
    assert.equal(turns.waiting, 0);
  });

  test("turns away what finds the line full, and counts it", (t) => {
    const { turns, away } = setUp(0, 2);
    t.after(() => turns.close());
    for (const name of ["a", "b", "c"]) turns.take(connection(name));
    assert.deepEqual([away, turns.shed, turns.waiting], [["c"], 1, 2]);
  });

  test("takes back in front of the line, however full it is", () => {
    const { turns, workers, away } = setUp(1, 1);
    for (const name of ["a", "b"]) turns.take(connection(name));
    turns.takeBack([connection("x"), connection("y")]);
    for (let turn = 0; turn < 3; turn++) {
      workers[0]!.isIdle = true;
      turns.look();
    }
    assert.deepEqual(workers[0]!.got, ["a", "x", "y", "b"]);
    assert.deepEqual(away, []);
  });

  test("skips those whose client has left", () => {
    const { turns, workers, left } = setUp(1);
    const [b, c] = [connection("b"), connection("c")];
    for (const socket of [connection("a"), b, c]) turns.take(socket);
    left.add("b");
    workers[0]!.isIdle = true;
    turns.look();
    assert.deepEqual(workers[0]!.got, ["a", "c"]);
    assert.equal(b.destroyed, true);
  });

  test("to finish serves the line, turns away who comes meanwhile, and is done when nobody waits", async () => {
    const { turns, workers, away } = setUp(1);
    for (const name of ["a", "b"]) turns.take(connection(name));
    let done = false;
    const finished = turns.finish(60_000).then(() => (done = true));
    turns.take(connection("late"));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([done, away], [false, ["late"]]);
    workers[0]!.isIdle = true;
    turns.look();
    await finished;
    assert.deepEqual(workers[0]!.got, ["a", "b"]);
    turns.takeBack([connection("b again")]);
    assert.deepEqual(away, ["late", "b again"]);
  });

  test("to finish turns away those who are left when the time is over", async () => {
    const { turns, away } = setUp(0);
    turns.take(connection("a"));
    await turns.finish(1);
    assert.deepEqual(away, ["a"]);
  });
});
