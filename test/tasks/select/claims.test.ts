/**
 * Several threads change claims at once. Here the threads are simulated on one: before each access to the shared memory a
 * thread may be paused, and others run completely before it goes on. All such orders are run.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { Claim, ClaimTable } from "../../../src/tasks/select/claims.ts";
import { Meetings } from "../../../src/tasks/select/meetings.ts";
import type { ClaimsThreadData } from "../claims-thread.ts";

/** The last generation of 28 bits, and the last meeting of 20. */
const LAST_GENERATION = 2 ** 28 - 1;
const LAST_MEETING = 2 ** 20 - 1;

const OPERATIONS = ["load", "store", "compareExchange"] as const;

/**
 * Runs `act`, and `interrupt` when `act` is about to touch shared memory for the `at`-th time. Returns whether it got there.
 */
function interrupted(act: () => void, at: number, interrupt: () => void): boolean {
  const originals = OPERATIONS.map((name) => Atomics[name] as (...args: unknown[]) => unknown);
  let count = 0;
  let happened = false;
  OPERATIONS.forEach((name, i) => {
    Reflect.set(Atomics, name, (...args: unknown[]) => {
      if (count++ === at) {
        happened = true;
        interrupt();
      }
      return originals[i]!(...args);
    });
  });
  try {
    act();
  } finally {
    OPERATIONS.forEach((name, i) => Reflect.set(Atomics, name, originals[i]));
  }
  return happened;
}

class Memory {
  /** One word for each thread, that says of which of its meetings it is. */
  readonly #rows: Int32Array<SharedArrayBuffer>;
  readonly #tables: ClaimTable[];
  readonly claims: Claim[];

  constructor(generation = 0, meeting = 0) {
    this.#rows = new Int32Array(new SharedArrayBuffer(8 * 4)).fill(meeting << 2);
    // Each claim is another thread's.
    this.#tables = [0, 1, 2].map(
      (owner) => new ClaimTable({ meetings: this.meetings(owner), cells: 1, firstGeneration: generation }),
    );
    this.claims = this.#tables.map((table) => table.open()!);
  }

  meetings(self: number): Meetings {
    return new Meetings({ words: this.#rows, at: (row) => row, self, patienceMs: 0 });
  }

  /** The claim as that thread sees it. */
  seenBy(thread: number, claim: number): Claim {
    const words = new Int32Array(this.#tables[claim]!.buffer);
    return new Claim(words, this.claims[claim]!.address, this.meetings(thread));
  }

  closed(claim: number): Claim {
    this.#tables[claim]!.close(this.claims[claim]!);
    return (this.claims[claim] = this.#tables[claim]!.open()!);
  }
}

/** What a thread does: wins one claim, or two that meet. */
type Act = readonly [claim: number] | readonly [first: number, second: number];
const ACTS: readonly Act[] = [[0], [1], [0, 1], [1, 0], [1, 2], [2, 0]];

interface Ended {
  readonly thread: number;
  readonly won: readonly number[];
  readonly lost: number | undefined;
}

function run(memory: Memory, thread: number, act: Act): Ended {
  const [first, second] = act;
  const claim = memory.seenBy(thread, first);
  if (second === undefined) {
    return claim.take() === "taken" ? { thread, won: [first], lost: undefined } : { thread, won: [], lost: first };
  }
  const outcome = claim.takeWith(memory.seenBy(thread, second));
  if (outcome === "won") return { thread, won: [first, second], lost: undefined };
  return { thread, won: [], lost: outcome === "first" ? first : second };
}

function checkAll(memory: Memory, ended: readonly Ended[], what: string): void {
  const winners = new Map<number, number[]>();
  for (const { thread, won } of ended)
    for (const each of won) winners.set(each, [...(winners.get(each) ?? []), thread]);
  for (const [claim, threads] of winners) {
    assert.equal(threads.length, 1, `claim ${claim} was won by the threads ${threads.join(" and ")}: ${what}`);
    assert.equal(memory.claims[claim]!.taker, threads[0], `claim ${claim} names its winner: ${what}`);
  }
  for (const { thread, lost } of ended) {
    if (lost !== undefined)
      assert.ok(winners.has(lost), `claim ${lost} was lost for thread ${thread} to nobody: ${what}`);
  }
  for (const [index, claim] of memory.claims.entries()) {
    if (!winners.has(index)) assert.equal(claim.take(), "taken", `claim ${index} is still open: ${what}`);
  }
}

/** More than any act does. */
const MOST_STEPS = 40;

for (const [generation, meeting] of [
  [0, 0],
  [LAST_GENERATION, LAST_MEETING],
] as const) {
  describe(`claims of generation ${generation}, in meetings from ${meeting} on`, () => {
    test("a claim has one winner, wherever a thread is paused while another one acts", () => {
      let runs = 0;
      for (const one of ACTS) {
        for (const other of ACTS) {
          for (let at = 0; at < MOST_STEPS; at++) {
            const memory = new Memory(generation, meeting);
            const ended: Ended[] = [];
            const act = (): void => void ended.push(run(memory, 3, one));
            if (!interrupted(act, at, () => ended.push(run(memory, 4, other)))) break;
            checkAll(memory, ended, `${one.join("+")}, paused before step ${at} for ${other.join("+")}`);
            runs++;
          }
        }
      }
      assert.ok(runs > 150, `${runs} orders were run`);
    });

    test("also when the second one is paused for a third", () => {
      for (const one of ACTS) {
        for (const other of ACTS) {
          for (const third of ACTS) {
            for (let at = 0, isLast = false; !isLast; at++) {
              for (let then = 0; ; then++) {
                const memory = new Memory(generation, meeting);
                const ended: Ended[] = [];
                let wasThird = false;
                const second = (): void => {
                  const act = (): void => void ended.push(run(memory, 4, other));
                  wasThird = interrupted(act, then, () => ended.push(run(memory, 5, third)));
                };
                isLast = !interrupted(() => void ended.push(run(memory, 3, one)), at, second);
                if (isLast || !wasThird) break;
                const order = `${one.join("+")} before step ${at}, ${other.join("+")} before step ${then}, ${third.join("+")}`;
                checkAll(memory, ended, order);
              }
            }
          }
        }
      }
    });

    test("a thread that dies in the middle of a meeting holds up nobody, and has won nothing that others can win too", () => {
      const death = new Error("terminated");
      for (const one of ACTS) {
        for (const other of ACTS) {
          for (let at = 0; at < MOST_STEPS; at++) {
            const memory = new Memory(generation, meeting);
            const ended: Ended[] = [];
            const act = (): void => void run(memory, 3, one);
            const die = (): never => {
              throw death;
            };
            try {
              if (!interrupted(act, at, die)) break;
            } catch (error) {
              assert.equal(error, death);
            }
            for (const thread of [4, 5]) ended.push(run(memory, thread, other));
            const won = ended.flatMap((each) => each.won);
            assert.equal(
              new Set(won).size,
              won.length,
              `${one.join("+")}, died before step ${at}, then ${other.join("+")}`,
            );
          }
        }
      }
    });
  });
}

test("a waiter that a select has left behind can't win the one that has the cell later, nor hold it up", () => {
  for (const generation of [0, LAST_GENERATION]) {
    const memory = new Memory(generation);
    const late = memory.seenBy(3, 0);
    const other = memory.seenBy(3, 1);
    assert.equal(memory.claims[0]!.take(), "taken");
    const later = memory.closed(0);
    assert.equal(late.take(), "lost");
    assert.equal(late.takeWith(other), "first");
    assert.equal(other.takeWith(late), "second");
    assert.equal(later.take(), "taken");
  }
});

test("a cell that was not taken is not given to another select", () => {
  const memory = new Memory();
  assert.throws(() => memory.closed(0), { code: "INTERNAL", message: /claim 0 of thread 0, generation 0, is over/ });
});

test("there is room for more than were asked for at first, and each has its own cell", () => {
  const words = new Int32Array(new SharedArrayBuffer(4));
  const table = new ClaimTable({ meetings: new Meetings({ words, at: () => 0, self: 0 }), cells: 2 });
  const claims = Array.from({ length: 9 }, () => table.open()!);
  assert.equal(new Set(claims.map(({ address }) => address[1])).size, 9);
  for (const claim of claims) assert.equal(claim.take(), "taken");
});

test("threads that meet as fast as they can win each claim once, and lose none", async () => {
  const threads = 3;
  const rounds = 400;
  const claims = 8;
  const shared: ClaimsThreadData = {
    rows: new SharedArrayBuffer(threads * 4),
    cells: new SharedArrayBuffer(claims * 3 * 4),
    wins: new SharedArrayBuffer(claims * 4),
    turn: new SharedArrayBuffer(8),
    thread: 0,
    threads,
    rounds,
    claims,
  };
  new Int32Array(shared.rows).fill((LAST_MEETING - 100) << 2);
  const url = new URL("../claims-thread.ts", import.meta.url);
  const workers = Array.from(
    { length: threads },
    (_, thread) => new Worker(url, { workerData: { ...shared, thread } }),
  );
  const codes = await Promise.all(workers.map(async (worker) => (await once(worker, "exit"))[0] as number));
  assert.deepEqual(codes, [0, 0, 0]);
  // In each round everybody tries for everything, so everything is won.
  assert.deepEqual(
    [...new Int32Array(shared.wins)],
    Array.from({ length: claims }, () => rounds),
  );
});
