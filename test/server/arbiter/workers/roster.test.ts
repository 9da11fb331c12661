import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
import type { Fleet } from "../../../../src/server/arbiter/workers/fleet.ts";
import { Roster } from "../../../../src/server/arbiter/workers/roster.ts";

class Worker {
  readonly app = {};
  readonly generation: number;
  state: "ready" | "serving" | "draining";
  instances: readonly string[];
  told = "";
  read = Promise.withResolvers<void>();

  constructor(generation: number, state: Worker["state"], instances: readonly string[]) {
    this.generation = generation;
    this.state = state;
    this.instances = instances;
  }

  tellInstances(names: readonly string[]): void {
    this.told = names.join(" ");
  }

  catchesUp(): Promise<void> {
    return this.read.promise;
  }
}

function rosterOf(...workers: Worker[]): { roster: Roster; changed: () => void; told: () => readonly string[] } {
  const fleet = Object.assign(new EventEmitter(), { workers });
  const roster = new Roster(fleet as unknown as Fleet);
  roster.follow(1);
  return { roster, changed: () => void fleet.emit("instances"), told: () => workers.map(({ told }) => told) };
}

test("a worker is told of its own new threads when the others have read of them", async () => {
  const [one, two] = [new Worker(1, "serving", []), new Worker(1, "serving", [])];
  const { changed, told } = rosterOf(one, two);
  one.instances = ["a", "b"];
  two.instances = ["c"];
  for (const worker of [one, two]) worker.read.resolve();
  changed();
  await turn();
  assert.deepEqual(told(), ["a b c", "a b c"]);
  // Both at once.
  for (const worker of [one, two]) worker.read = Promise.withResolvers();
  one.instances = ["a", "B"];
  changed();
  two.instances = ["C"];
  changed();
  assert.deepEqual(told(), ["C a", "B a"]);
  one.read.resolve();
  await turn();
  assert.deepEqual(told(), ["C a", "B a"]);
  two.read.resolve();
  await turn();
  assert.deepEqual(told(), ["B C a", "B C a"]);
});

test("workers that do not serve yet are told of all, and those of a generation that serves again", async () => {
  const [old, next] = [new Worker(1, "serving", ["a"]), new Worker(2, "ready", ["b"])];
  const { roster, changed, told } = rosterOf(old, next);
  old.read.resolve();
  next.read.resolve();
  changed();
  await turn();
  assert.deepEqual(told(), ["a", "a"]);
  roster.follow(2);
  assert.deepEqual(told(), ["b", "b"]);
  roster.follow(1);
  assert.deepEqual(told(), ["a", "a"]);
});
