/** Random histories, checked against a model: exit signals among linked actors, and supervisors whose children are killed. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  array,
  assert as check,
  asyncProperty,
  boolean,
  constantFrom,
  integer,
  record,
  tuple,
  uniqueArray,
} from "fast-check";
import {
  call,
  exit,
  schedulerThreads,
  send,
  spawn,
  stop,
  supervisor,
  whichChildren,
  type ChildSpec,
  type Pid,
  type Strategy,
  type SupervisorPid,
} from "../../src/actors/index.ts";
import { plainChild } from "../fixtures/actors/plain-child.ts";
import { isAlive, newPuppet, next, onBothSides, tell } from "./support.ts";

const ACTORS = 8;
const actorIndex = integer({ min: 0, max: ACTORS - 1 });
const operation = tuple(
  constantFrom("link", "unlink", "signal", "kill" as const),
  actorIndex,
  actorIndex,
  constantFrom("normal", "boom", "kill"),
);

const byText = (a: string, b: string): number => a.localeCompare(b);

/** The rules in their simplest form: everything happens at once. */
class Model {
  readonly alive: boolean[];
  readonly traps: readonly boolean[];
  readonly links: Set<number>[];
  readonly inbox: string[][];

  constructor(traps: readonly boolean[]) {
    this.traps = traps;
    this.alive = traps.map(() => true);
    this.links = traps.map(() => new Set());
    this.inbox = traps.map(() => []);
  }

  link(a: number, b: number): void {
    if (a === b || !this.alive[a]) return;
    if (!this.alive[b]) return this.arrive(b, a, "noproc", false);
    this.links[a]!.add(b);
    this.links[b]!.add(a);
  }

  unlink(a: number, b: number): void {
    if (!this.alive[a]) return;
    this.links[a]!.delete(b);
    this.links[b]!.delete(a);
  }

  arrive(from: number, to: number, reason: string, viaLink: boolean): void {
    if (!this.alive[to]) return;
    if (reason === "kill" && !viaLink) this.die(to, "killed");
    else if (this.traps[to]) this.inbox[to]!.push(`${from} ${reason}`);
    else if (reason !== "normal" || from === to) this.die(to, reason);
  }

  die(who: number, reason: string): void {
    this.alive[who] = false;
    const links = [...this.links[who]!];
    this.links[who]!.clear();
    for (const other of links) {
      this.links[other]!.delete(who);
      this.arrive(who, other, reason, true);
    }
  }
}

onBothSides(
  "whatever links, unlinks and signals: the living, and what those that trap exits saw, are as the rules say",
  async (on) => {
    const history = record({
      traps: array(boolean(), { minLength: ACTORS, maxLength: ACTORS }),
      operations: array(operation, { maxLength: 30 }),
    });
    await check(
      asyncProperty(history, async ({ traps, operations }) => {
        const pids: Pid[] = [];
        for (let i = 0; i < ACTORS; i++) {
          const pid = await newPuppet(i % 2 === 0 ? "here" : on);
          pids.push(pid);
          if (traps[i]) await tell(pid, { do: "trap" });
        }
        const model = new Model(traps);
        const settle = (): Promise<unknown> => settleAll(pids);
        for (const [kind, a, b, reason] of operations) {
          const order = tellIfAlive(pids[a]!);
          if (kind === "link") {
            model.link(a, b);
            await order({ do: "link", pid: pids[b]! });
          } else if (kind === "unlink") {
            model.unlink(a, b);
            await order({ do: "unlink", pid: pids[b]! });
          } else if (kind === "signal") {
            if (model.alive[a]) model.arrive(a, b, reason, false);
            await order({ do: "signal", pid: pids[b]!, reason });
          } else {
            if (model.alive[b]) model.die(b, "killed");
            exit(pids[b]!, "kill");
          }
          await settle();
        }
        assert.deepEqual(await Promise.all(pids.map(isAlive)), model.alive);
        for (const [i, pid] of pids.entries()) {
          if (!model.alive[i]) continue;
          const seen = (await tell(pid, { do: "unseen" })) as { from: Pid; reason: string }[];
          // What one death tells several ways has no order of its own.
          const texts = seen.map(({ from, reason }) => `${pids.indexOf(from)} ${reason}`);
          assert.deepEqual(texts.toSorted(byText), model.inbox[i]!.toSorted(byText));
        }
        for (const pid of pids) exit(pid, "kill");
      }),
      { numRuns: on === "here" ? 60 : 25 },
    );
  },
);

function tellIfAlive(pid: Pid): (order: Parameters<typeof tell>[1]) => Promise<unknown> {
  return async (order) => {
    try {
      return await tell(pid, order);
    } catch (error) {
      return error;
    }
  };
}

/** Until no signal is under way: as often as signals can be passed on, everybody has answered after everybody else had. */
async function settleAll(pids: readonly Pid[]): Promise<void> {
  for (let i = 0; i < 3; i++)
    await Promise.all(pids.map((pid) => call(pid as never, { do: "ping" } as never).catch(() => {})));
}

const childKind = tuple(constantFrom("permanent", "transient", "temporary" as const), boolean());

onBothSides("whichever children are killed, whenever: a supervisor ends in the tree that was specified", async (on) => {
  const plan = record({
    strategy: constantFrom<Strategy>("one_for_one", "one_for_all", "rest_for_one"),
    kinds: array(childKind, { minLength: 1, maxLength: 6 }),
    kills: array(uniqueArray(integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 4 }), { maxLength: 8 }),
  });
  await check(
    asyncProperty(plan, async ({ strategy, kinds, kills }) => {
      const children = kinds.map(
        ([restart, remote], id): ChildSpec => ({
          id,
          restart,
          start: [plainChild, [], { on: remote ? on : "here" }],
        }),
      );
      const tree = await spawn(supervisor({ strategy, intensity: 1000, periodMs: 1000, children }));
      for (const victims of kills) {
        const running = await whichChildren(tree);
        for (const victim of victims) {
          const pid = running[victim]?.pid;
          if (pid !== undefined && pid !== "restarting") exit(pid, "kill");
        }
      }
      await hasSettled(
        tree,
        children.filter(({ restart }) => restart !== "temporary"),
      );
      await stop(tree);
    }),
    { numRuns: on === "here" ? 60 : 25 },
  );
});

/** All children that are to live do, in the order of the specification, each once. */
async function hasSettled(tree: SupervisorPid, expected: readonly ChildSpec[]): Promise<void> {
  for (let patience = 0; ; patience++) {
    const found = await whichChildren(tree);
    const lasting = found.filter(({ id }) => expected.some((spec) => spec.id === id));
    assert.deepEqual(
      lasting.map(({ id }) => id),
      expected.map(({ id }) => id),
    );
    const alive = await Promise.all(lasting.map(async ({ pid }) => pid instanceof Object && (await isAlive(pid))));
    if (alive.every(Boolean)) {
      assert.equal(new Set(lasting.map(({ pid }) => pid)).size, lasting.length);
      return;
    }
    assert.ok(patience < 100_000, "the tree does not come to rest");
  }
}

function linkTo(pid: Pid, ...others: readonly Pid[]): void {
  for (const other of others) send(pid, { link: other });
}

test("a storm of exits among 10,000 linked actors on two threads leaves nobody behind", async () => {
  const [there] = await schedulerThreads();
  const watcher = await newPuppet();
  const pids = await Promise.all(
    Array.from({ length: 10_000 }, (_, i) =>
      spawn(plainChild, [], { on: i % 2 === 0 ? "here" : there!, monitor: watcher }),
    ),
  );
  // Everybody with two others, half of them on the other thread.
  for (const [i, pid] of pids.entries()) linkTo(pid, pids[(i + 1) % pids.length]!, pids[(i * 13 + 4) % pids.length]!);
  exit(pids[17]!, "storm");
  const reasons = new Set<unknown>();
  for (let i = 0; i < pids.length; i++) reasons.add((await next(watcher)).reason);
  assert.ok(
    [...reasons].every((reason) => reason === "storm" || reason === "noproc"),
    [...reasons].join(),
  );
  assert.deepEqual(
    await Promise.all(pids.slice(0, 100).map(isAlive)),
    Array.from({ length: 100 }, () => false),
  );
});
