import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { SharedSemaphore } from "../../../../../src/kit/shared-semaphore.ts";
import type { WaitEnd } from "../../../../../src/server/models/model.ts";
import type { Exchange } from "../../../../../src/server/http/exchange.ts";
import { AdaptiveGate } from "../../../../../src/server/http/admit/adaptive/adaptive-gate.ts";
import { Board, createRow, ROW } from "../../../../../src/server/http/admit/adaptive/memory.ts";
import { createLedger } from "../../../../../src/server/http/admit/gate.ts";

const TARGET_MS = 5;

class Setup {
  readonly slots: SharedSemaphore;
  readonly row: Float64Array;
  readonly gate: AdaptiveGate;
  /** The ends of waits, in order: `a admitted`. */
  readonly ends: string[] = [];

  constructor(limit: number, queue: number) {
    this.slots = SharedSemaphore.create(limit, queue);
    const board = new Board();
    board.targetMs = TARGET_MS;
    const row = createRow();
    this.row = new Float64Array(row);
    const adaptive = { row, board: board.buffer };
    const handle = { slots: this.slots.handle, ledger: createLedger(), adaptive };
    this.gate = new AdaptiveGate(handle, 1000, () => this.#nowMs);
  }

  #nowMs = 0;

  at(nowMs: number): AdaptiveGate {
    this.#nowMs = nowMs;
    return this.gate;
  }

  answered(answerMs: number | undefined, nowMs: number): void {
    this.at(nowMs).answered(answerMs, nowMs);
  }

  /** What admission does with a request. */
  come(name: string, nowMs: number, waitedMs = 0, priority: "normal" | "high" = "normal"): string {
    const isUrgent = priority === "high";
    this.at(nowMs);
    if (this.gate.sheds(isUrgent, waitedMs, nowMs)) return "delayed";
    if (this.gate.tryEnter(isUrgent)) return "entered";
    const done = (end: WaitEnd): void => void this.ends.push(`${name} ${end}`);
    return this.gate.enqueue({} as Exchange, nowMs - waitedMs, done, isUrgent) ? "waits" : "full";
  }

  /** A queue that stands for more than an interval. */
  overload(): number {
    this.come("held", 0);
    for (let nowMs = 0; nowMs <= 210; nowMs += 10) this.come(`old ${nowMs}`, nowMs);
    assert.equal(this.row[ROW.mode], 1);
    this.ends.length = 0;
    return 210;
  }
}

test("a queue that stands for an interval is overloaded: those that waited for over twice the target are shed", () => {
  const { gate, ends, row } = new Setup(1, 100);
  const setup = new Setup(1, 100);
  const nowMs = setup.overload();
  setup.at(nowMs + 2 * TARGET_MS).sweep(nowMs + 2 * TARGET_MS);
  assert.ok(setup.ends.every((end) => end.endsWith("delayed")));
  assert.ok(setup.row[ROW.shedDelayed]! > 0);
  // Without overload they wait until the queue timeout.
  gate.tryEnter();
  gate.enqueue({} as Exchange, 0, (end) => ends.push(end));
  gate.sweep(50);
  assert.deepEqual(ends, []);
  gate.sweep(1000);
  assert.deepEqual([ends, row[ROW.shedTimedOut]], [["timed-out"], 1]);
});

test("overloaded, the newest is served first, and those with priority before it", async () => {
  const setup = new Setup(1, 100);
  const nowMs = setup.overload();
  for (const name of ["a", "b", "c"]) setup.come(name, nowMs + 8);
  setup.come("first", nowMs + 8, 0, "high");
  setup.come("second", nowMs + 8, 0, "high");
  setup.ends.length = 0;
  for (let i = 0; i < 4; i++) {
    setup.answered(1, nowMs + 9);
    await turn();
  }
  assert.deepEqual(setup.ends, ["first admitted", "second admitted", "c admitted", "b admitted"]);
});

test("not overloaded, the order is that of arrival", () => {
  const setup = new Setup(1, 100);
  for (const name of ["held", "a", "b"]) setup.come(name, 0);
  setup.answered(1, 1);
  setup.answered(1, 1);
  assert.deepEqual(setup.ends, ["a admitted", "b admitted"]);
});

test("overloaded, one that finds the queue full takes the place of the oldest; otherwise it is shed", () => {
  const setup = new Setup(1, 2);
  setup.come("held", 0);
  assert.deepEqual([setup.come("a", 0), setup.come("b", 0), setup.come("c", 0)], ["waits", "waits", "full"]);
  const loaded = new Setup(1, 100);
  const nowMs = loaded.overload();
  loaded.gate.sweep(nowMs + 100);
  loaded.slots.resize(1, 2);
  loaded.ends.length = 0;
  for (const name of ["a", "b", "c"]) assert.equal(loaded.come(name, nowMs + 101), "waits");
  assert.deepEqual(loaded.ends, ["a displaced"]);
});

test("overloaded, one that finds a free slot enters at once where nobody may wait", () => {
  const setup = new Setup(1, 0);
  setup.come("held", 0);
  for (let nowMs = 0; nowMs <= 210; nowMs += 10) setup.come("late", nowMs, 40);
  assert.equal(setup.row[ROW.mode], 1);
  setup.answered(1, 211);
  assert.equal(setup.come("fresh", 212), "entered");
  assert.equal(setup.come("next", 213), "full");
});

test("with priority one displaces the oldest without, is never shed for its delay, and is displaced by none", () => {
  const setup = new Setup(1, 1);
  setup.come("held", 0);
  setup.come("a", 0);
  assert.equal(setup.come("first", 1, 0, "high"), "waits");
  assert.deepEqual(setup.ends, ["a displaced"]);
  assert.equal(setup.come("b", 1), "full");
  for (let nowMs = 0; nowMs < 900; nowMs += 10) setup.come("c", nowMs, 40);
  assert.equal(setup.row[ROW.mode], 1);
  assert.equal(setup.come("late", 901, 500, "high"), "full");
  assert.deepEqual(setup.ends, ["a displaced"]);
});

/** A computing handler's requests: each is read 40 ms after it came. */
async function overloadInKernel(): Promise<{ readonly setup: Setup; readonly seen: ReadonlySet<string> }> {
  const setup = new Setup(5, 100);
  const seen = new Set<string>();
  for (let nowMs = 0; nowMs < 400; nowMs += 10) {
    const end = setup.come("a", nowMs, 40);
    await turn();
    seen.add(end);
    if (end === "entered" || setup.ends.splice(0).includes("a admitted")) setup.answered(1, nowMs + 1);
  }
  assert.equal(setup.row[ROW.mode], 1);
  return { setup, seen };
}

test("what waited in the kernel counts: such requests are shed although a slot is free", async () => {
  const { setup, seen } = await overloadInKernel();
  // Now and then one for whose sake nobody else was let in.
  assert.deepEqual([...seen], ["entered", "delayed", "waits"]);
  assert.equal(setup.slots.taken, 0);
  // It is over when they need not wait any more.
  for (let nowMs = 400; nowMs < 700; nowMs += 10) {
    const admitted = setup.ends.length;
    const isIn = setup.come("a", nowMs) === "entered";
    await turn();
    if (isIn || setup.ends.length > admitted) setup.answered(1, nowMs + 1);
  }
  assert.ok(setup.ends.every((end) => end === "a admitted"));
  assert.deepEqual([setup.row[ROW.mode], setup.slots.taken], [0, 0]);
});

test("overloaded, all that the kernel has are read before one is let in: the newest, and then those that still may wait", async () => {
  const { setup } = await overloadInKernel();
  // A handler has computed: these have come meanwhile, the oldest first.
  const ages = [30, 9, 8, 2, 1];
  const read = ages.map((waitedMs) => setup.come(`${waitedMs} ms`, 500, waitedMs));
  assert.deepEqual(read, ["waits", "waits", "waits", "waits", "waits"]);
  assert.deepEqual(setup.ends, []);
  await turn();
  // All are let in in the same moment, as the clock stands still here; the oldest had to wait for the others and is shed.
  assert.deepEqual(setup.ends, ["1 ms admitted", "2 ms admitted", "8 ms admitted", "9 ms admitted", "30 ms admitted"]);
});

test("overloaded, requests are read again after a millisecond of handlers, and those that came first are shed", async () => {
  const { setup } = await overloadInKernel();
  const computes = (name: string, waitedMs: number): void => {
    const done = (end: WaitEnd): void => {
      setup.ends.push(`${name} ${end}`);
      if (end === "admitted") setup.at(505);
    };
    assert.equal(setup.at(500).enqueue({} as Exchange, 500 - waitedMs, done), true);
  };
  computes("first", 8);
  computes("second", 6);
  computes("third", 1);
  await turn();
  assert.deepEqual(setup.ends.splice(0), ["third admitted", "first delayed", "second delayed"]);
  setup.answered(5, 505);
  assert.equal(setup.come("newer", 506, 1), "waits");
  assert.deepEqual(setup.ends, []);
  await turn();
  assert.deepEqual(setup.ends, ["newer admitted"]);
});

test("overloaded, one with priority is let in when it is read", async () => {
  const { setup } = await overloadInKernel();
  assert.deepEqual([setup.come("a", 500, 1), setup.come("first", 500, 30, "high")], ["waits", "entered"]);
});

test("one that has waited in the kernel for no other request is let in, however late: the machine was busy", async () => {
  const { setup } = await overloadInKernel();
  setup.slots.resize(1, 100);
  // Ten at once, three times: each time the clients wait for all of them before they send more.
  for (let nowMs = 500; nowMs < 800; nowMs += 100) {
    setup.ends.length = 0;
    const read = Array.from({ length: 10 }, () => setup.come("a", nowMs, 60));
    assert.deepEqual(new Set(read), new Set(["waits"]));
    await turn();
    assert.deepEqual(setup.ends, ["a admitted", ...Array<string>(9).fill("a delayed")]);
    setup.answered(1, nowMs + 2);
  }
});

test("a limit that falls takes no slot from anybody, and those that come free go to nobody until it is reached", () => {
  const setup = new Setup(3, 100);
  for (const name of ["1", "2", "3", "a"]) setup.come(name, 0);
  setup.slots.resize(1, 100);
  setup.answered(1, 1);
  setup.answered(1, 1);
  assert.deepEqual([setup.slots.taken, setup.ends], [1, []]);
  setup.answered(1, 1);
  assert.deepEqual([setup.slots.taken, setup.ends], [1, ["a admitted"]]);
});

test("answers are measured with their time and how many were in flight; those that say nothing are not", () => {
  const setup = new Setup(3, 100);
  for (const name of ["1", "2", "3"]) setup.come(name, 0);
  setup.answered(10, 10);
  setup.answered(undefined, 11);
  setup.answered(20, 20);
  const { answers, answerMs, inFlight, arrivals } = ROW;
  assert.deepEqual(
    [answers, answerMs, inFlight, arrivals].map((at) => setup.row[at]),
    [2, 30, 4, 3],
  );
});
