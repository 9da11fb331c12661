/** Runs tests with both actors on this thread, and with one on another. */

import { test } from "node:test";
import {
  call,
  processInfo,
  schedulerThreads,
  setSchedulerThreads,
  spawn,
  type Pid,
  type Self,
  type SpawnOptions,
} from "../../src/actors/index.ts";
import { runQueue } from "../../src/runtime/run-queue.ts";
import { puppet, type Order } from "../fixtures/actors/puppet.ts";

setSchedulerThreads(2);

export type Place = "here" | "there";

/** A test that is run twice: with the second actor here, and on another thread. */
export function onBothSides(name: string, run: (on: "here" | number, place: Place) => Promise<void>): void {
  test(`${name} (on one thread)`, () => run("here", "here"));
  test(`${name} (across threads)`, async () => run((await schedulerThreads())[0]!, "there"));
}

export async function newPuppet(on: "here" | number = "here", options: SpawnOptions = {}): Promise<Pid> {
  return await spawn(puppet, [], { ...options, on });
}

export function tell(pid: Pid, order: Order): Promise<any> {
  return call(pid as never, order as never);
}

/** An order that the puppet does not survive, so that it does not reply. */
export async function ends(pid: Pid, order: Order): Promise<void> {
  await tell(pid, order).catch(() => {});
}

/** A puppet that traps exits, to see what arrives. */
export async function newObserver(on: "here" | number = "here"): Promise<Pid> {
  const observer = await newPuppet(on);
  await tell(observer, { do: "trap" });
  return observer;
}

export function next(pid: Pid): Promise<any> {
  return tell(pid, { do: "next" });
}

/** Resolves to the reason when the actor has exited. */
export async function exitOf(pid: Pid): Promise<unknown> {
  const watcher = await newPuppet();
  await tell(watcher, { do: "monitor", pid });
  return (await next(watcher)).reason;
}

/** Resolves when the actor is watched. `reason` resolves when it has exited. */
export async function watched(pid: Pid): Promise<{ readonly reason: Promise<unknown> }> {
  const watcher = await newPuppet();
  await tell(watcher, { do: "monitor", pid });
  return { reason: next(watcher).then((down: { reason: unknown }) => down.reason) };
}

/** Spawns it and resolves to the reason it exits with. */
export async function reasonOf(body: (self: Self) => unknown): Promise<unknown> {
  const watcher = await newPuppet();
  await spawn(body, [], { monitor: watcher });
  return (await next(watcher)).reason;
}

/**
 * Until all that is to happen on this thread has happened: no actor has a turn or waits for one. A round of the run queue may end
 * before that, because its time is up.
 */
export async function settled(): Promise<void> {
  for (let quiet = 0; quiet < 2; quiet = runQueue.isIdle ? quiet + 1 : 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export async function isAlive(pid: Pid): Promise<boolean> {
  return (await processInfo(pid)) !== undefined;
}
