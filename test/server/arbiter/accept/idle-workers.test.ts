import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { describe, test } from "node:test";
import { IdleWorkers } from "../../../../src/server/arbiter/accept/idle-workers.ts";

interface Connection {
  readonly name: string;
  destroyed: boolean;
  destroy(): void;
}

class FakeWorker {
  readonly got: string[] = [];
  next: Socket | undefined;
  isBusy = false;
  recalls = 0;
  get isIdle(): boolean {
    return !this.isBusy && !this.isOffered;
  }
  get isOffered(): boolean {
    return this.next !== undefined;
  }
  get takesAhead(): boolean {
    return this.isBusy && !this.isOffered;
  }
  hand(socket: Socket): void {
    assert.equal(this.next, undefined, "a second one ahead");
    this.next = socket;
  }
  recall(): void {
    this.recalls++;
  }
  /** Its connection ends, and it begins with the next one if it has one. */
  turn(turns: IdleWorkers): this {
    this.isBusy = this.next !== undefined;
    if (this.next !== undefined) this.got.push(nameOf(this.next));
    this.next = undefined;
    turns.look();
    return this;
  }
  letGo(turns: IdleWorkers): void {
    const socket = this.next!;
    this.next = undefined;
    turns.takeBack([socket]);
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
  queueTimeoutMs = 0,
): { turns: IdleWorkers; workers: FakeWorker[]; away: string[]; left: Set<string> } {
  const all = Array.from({ length: workers }, () => new FakeWorker());
  const away: string[] = [];
  const left = new Set<string>();
  const turns = new IdleWorkers({
    workers: () => all,
    limits: () => ({ queue, queueTimeoutMs }),
    turnAway: (socket) => void away.push(nameOf(socket)),
    hungUp: (sockets) => new Set(sockets.filter((socket) => left.has(nameOf(socket)))),
  });
  return { turns, workers: all, away, left };
}

/** Everybody begins with what they were handed. */
function begin(turns: IdleWorkers, workers: readonly FakeWorker[]): void {
  for (const worker of workers) if (!worker.isBusy && worker.isOffered) worker.turn(turns);
}

function join(turns: IdleWorkers, ...names: string[]): Socket[] {
  const sockets = names.map(connection);
  for (const socket of sockets) turns.take(socket);
  return sockets;
}

describe("taking turns", () => {
  test("gives each idle worker one connection, and one ahead when all are busy", (t) => {
    const { turns, workers } = setUp(2);
    t.after(() => turns.close());
    join(turns, "a", "b", "c");
    assert.equal(turns.waiting, 1, "nobody is known to be busy yet");
    begin(turns, workers);
    join(turns, "d", "e");
    assert.deepEqual([workers.map(({ next }) => nameOf(next!)), turns.waiting], [["c", "d"], 3]);
    workers[1]!.turn(turns);
    assert.deepEqual([workers.map(({ next }) => nameOf(next!)), turns.waiting], [["c", "e"], 2]);
  });

  test("turns away what finds the line full, with those ahead, and counts it", (t) => {
    const { turns, workers, away } = setUp(1, 2);
    t.after(() => turns.close());
    join(turns, "a");
    begin(turns, workers);
    join(turns, "b", "c", "d");
    assert.deepEqual([away, turns.shed, turns.waiting], [["d"], 1, 2]);
  });

  test("lets nobody wait, nor go ahead, where the queue is 0", () => {
    const { turns, workers, away } = setUp(1, 0);
    join(turns, "a");
    begin(turns, workers);
    join(turns, "b");
    assert.deepEqual([away, workers[0]!.isOffered], [["b"], false]);
  });

  test("takes back to where it stood, however full the line is", () => {
    const { turns, workers, away } = setUp(1, 2);
    join(turns, "a", "b", "c");
    begin(turns, workers);
    assert.equal(nameOf(workers[0]!.next!), "b");
    // As if its worker were gone: the next one to be asked begins with what stands first.
    workers[0]!.letGo(turns);
    for (let turn = 0; turn < 3; turn++) workers[0]!.turn(turns);
    assert.deepEqual([workers[0]!.got, away], [["a", "b", "c"], []]);
  });

  test("skips those whose client has left", () => {
    const { turns, workers, left } = setUp(1);
    const [, b] = join(turns, "a", "b", "c");
    left.add("b");
    begin(turns, workers);
    workers[0]!.turn(turns);
    assert.deepEqual(workers[0]!.got, ["a", "c"]);
    assert.equal(b!.destroyed, true);
  });

  test("to finish serves the line, turns away who comes meanwhile, and is done when nobody waits", async () => {
    const { turns, workers, away } = setUp(1);
    join(turns, "a", "b");
    begin(turns, workers);
    let done = false;
    const finished = turns.finish(60_000).then(() => (done = true));
    const [late] = join(turns, "late");
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([done, away], [false, ["late"]]);
    workers[0]!.turn(turns);
    await finished;
    assert.deepEqual(workers[0]!.got, ["a", "b"]);
    turns.takeBack([late!]);
    assert.deepEqual(away, ["late", "late"]);
  });

  test("to finish waits for who is on the way to a worker, who would not begin with it any more", async () => {
    const { turns, workers, away } = setUp(1);
    join(turns, "a");
    assert.equal(turns.waiting, 0);
    let done = false;
    const finished = turns.finish(60_000).then(() => (done = true));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(done, false);
    workers[0]!.letGo(turns);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(done, false, "it came back, and is handed again");
    workers[0]!.turn(turns);
    await finished;
    assert.deepEqual([workers[0]!.got, away], [["a"], []]);
  });

  test("to close does not wait for anybody", async () => {
    const { turns } = setUp(1);
    join(turns, "a");
    const finished = turns.finish(60_000);
    turns.close();
    await finished;
  });

  test("to finish turns away those who are left when the time is over, also those ahead", async () => {
    const { turns, workers, away } = setUp(1);
    join(turns, "a");
    begin(turns, workers);
    join(turns, "b", "c");
    await turns.finish(1);
    assert.deepEqual([away, workers[0]!.recalls], [["c"], 1]);
    workers[0]!.letGo(turns);
    assert.deepEqual(away, ["c", "b"]);
  });
});

describe("one who is ahead", () => {
  test("is asked back for an idle worker, and given to it", (t) => {
    const { turns, workers } = setUp(2);
    t.after(() => turns.close());
    const [slow, other] = workers as [FakeWorker, FakeWorker];
    join(turns, "a", "b");
    begin(turns, workers);
    join(turns, "c");
    other.turn(turns);
    assert.deepEqual([nameOf(slow.next!), slow.recalls], ["c", 1]);
    turns.look();
    assert.equal(slow.recalls, 1, "once is enough");
    slow.letGo(turns);
    assert.equal(nameOf(other.next!), "c");
  });

  test("may have been begun when it is asked back", (t) => {
    const { turns, workers } = setUp(2);
    t.after(() => turns.close());
    const [slow, other] = workers as [FakeWorker, FakeWorker];
    join(turns, "a", "b");
    begin(turns, workers);
    join(turns, "c");
    other.turn(turns);
    slow.turn(turns);
    join(turns, "d", "e");
    assert.deepEqual([slow.got, nameOf(other.next!), turns.waiting], [["a", "c"], "d", 1]);
    begin(turns, workers);
    assert.equal(nameOf(slow.next!), "e");
  });

  test("comes back when it was overtaken by a whole round, and its worker gets none until it has had a turn", (t) => {
    const { turns, workers } = setUp(2);
    t.after(() => turns.close());
    const [slow, other] = workers as [FakeWorker, FakeWorker];
    join(turns, "a", "b");
    begin(turns, workers);
    join(turns, "c", "d", "e", "f", "g");
    other.turn(turns);
    assert.equal(slow.recalls, 0, "d came ahead at the same time as c");
    other.turn(turns);
    assert.equal(slow.recalls, 1, "e came a round later");
    slow.letGo(turns);
    assert.deepEqual([nameOf(other.next!), slow.isOffered], ["c", false]);
    other.turn(turns);
    assert.deepEqual([nameOf(other.next!), slow.isOffered], ["f", false]);
    slow.turn(turns);
    begin(turns, workers);
    assert.deepEqual(
      workers.map(({ got }) => got),
      [
        ["a", "g"],
        ["b", "d", "e", "c"],
      ],
    );
  });

  test("is asked back and turned away when its time is over, or dropped when its client has left", async (t) => {
    for (const isLeft of [false, true]) {
      const { turns, workers, away, left } = setUp(1, 10, isLeft ? 60_000 : 1);
      t.after(() => turns.close());
      const [worker] = workers as [FakeWorker];
      join(turns, "a");
      begin(turns, workers);
      const recalled = new Promise<void>((resolve) => (worker.recall = resolve));
      const [b] = join(turns, "b");
      if (isLeft) left.add("b");
      await recalled;
      worker.letGo(turns);
      assert.deepEqual([away, b!.destroyed, turns.waiting], [isLeft ? [] : ["b"], isLeft, 0]);
    }
  });
});
