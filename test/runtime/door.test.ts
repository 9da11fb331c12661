/** Threads that the runtime has not started join it, and leave it, at any time. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { MessageChannel, Worker } from "node:worker_threads";
import { HeddleError, toWire } from "../../src/errors/errors.ts";
import type { Knock } from "../../src/runtime/door.ts";
import { openRoot } from "../../src/runtime/runtime.ts";
import type { OwnedThread } from "../../src/runtime/threads/adopted-threads.ts";

const root = openRoot({ isServers: true, hasSchedulers: () => false, warn: () => {} });
const { adopted } = root;
const gone: number[] = [];
root.openService({
  name: "test",
  module: new URL("../fixtures/runtime/joins.ts", import.meta.url).href,
  receive: () => {},
  threadGone: (thread) => gone.push(thread),
});

interface Said {
  readonly knock?: Knock;
  readonly joined?: { readonly self: number; readonly role: string; readonly threads: readonly number[] };
  readonly got?: readonly unknown[];
  readonly isKnown?: boolean;
  readonly lost?: number;
  readonly failed?: { readonly code: string; readonly message: string };
}

class Member implements OwnedThread {
  readonly role = "serving";
  readonly name = "a thread of the test";
  readonly worker = new Worker(new URL("../fixtures/runtime/joins.ts", import.meta.url), {
    workerData: { service: "test" },
  });
  readonly said: Said[] = [];

  constructor() {
    this.worker.on("message", (message: Said) => this.said.push(message));
    this.worker.once("exit", () => adopted!.left(this, new HeddleError("THREAD_DIED", "it has ended"), false));
  }

  get threadId(): number {
    return this.worker.threadId;
  }

  replace(): void {}

  async hear(): Promise<Said> {
    while (this.said.length === 0) await once(this.worker, "message");
    return this.said.shift()!;
  }

  async join(): Promise<number> {
    adopted!.adopt(this, (await this.hear()).knock!);
    return (await this.hear()).joined!.self;
  }

  async end(): Promise<void> {
    await this.worker.terminate();
  }
}

const members: Member[] = [];
after(async () => {
  for (const member of members) await member.end();
});

function start(): Member {
  const member = new Member();
  members.push(member);
  return member;
}

async function untilGone(thread: number): Promise<void> {
  while (!gone.includes(thread)) await turn();
}

test("a member has its number, its role and links to all others at once, also to those that joined after it", async () => {
  const [first, second] = [start(), start()];
  const a = await first.join();
  const b = await second.join();
  assert.deepEqual(
    [...root.threads()].sort((one, other) => one - other),
    [0, a, b],
  );
  first.worker.postMessage({ first: b, to: [a, b] }, []);
  assert.deepEqual((await second.hear()).got, [
    [a, { to: [a, b] }],
    [a, { to: [] }],
  ]);
  await first.end();
  await untilGone(a);
  second.worker.postMessage({ first: a, to: [] }, []);
  await second.end();
  await untilGone(b);
});

test("whoever hears of a member before the root's news of it was received finds it all the same", async () => {
  const [early, busy] = [start(), start()];
  const a = await early.join();
  const b = await busy.join();
  // The busy one reads nothing until all of this has come, in whatever order it then reads.
  busy.worker.postMessage({ first: a, to: [], blockMs: 1500 }, []);
  const late = start();
  const c = await late.join();
  late.worker.postMessage({ first: a, to: [b, c] }, []);
  assert.deepEqual((await late.hear()).got, [[b, { to: [] }]]);
  for (const member of [early, busy, late]) await member.end();
  await untilGone(c);
});

test("a thread that ends while it joins leaves nothing behind, and its number is not used again", async () => {
  const stays = start();
  const a = await stays.join();
  const leaves = start();
  const { knock } = await leaves.hear();
  // The admission is on its way to a thread that ends.
  adopted!.adopt(leaves, knock!);
  await leaves.end();
  const b = a + 1;
  await untilGone(b);
  assert.equal(root.has(b), false);
  // One that has ended before it was admitted.
  const ended = start();
  const { knock: late } = await ended.hear();
  await ended.end();
  late!.port.close();
  const next = start();
  assert.equal(await next.join(), b + 1);
  for (const member of [stays, next]) await member.end();
  await untilGone(b + 1);
});

test("a thread that is not admitted is told why", async () => {
  const refused = start();
  const { knock } = await refused.hear();
  const { port, answered } = knock!;
  const why = new HeddleError("THREADS_INVALID", "there can be no more threads.");
  port.postMessage({ refused: toWire(why) }, []);
  Atomics.store(answered, 0, 1);
  Atomics.notify(answered, 0);
  const { failed } = await refused.hear();
  assert.equal(failed?.code, "THREAD_NOT_JOINED");
  assert.match(failed.message, /could not join the threads of its worker: there can be no more threads/);
});

test("all scheduler threads of the owner are used, unless the program has set another number", () => {
  const others: OwnedThread[] = [];
  const adopt = (): void => {
    const other: OwnedThread = { role: "scheduler", name: "other", threadId: -1, replace: () => {} };
    const { port2 } = new MessageChannel();
    others.push(other);
    adopted!.adopt(other, { port: port2, answered: new Int32Array(new SharedArrayBuffer(4)) });
  };
  const cpus = root.size("scheduler");
  for (let count = 0; count <= cpus; count++) adopt();
  assert.equal(root.candidates("scheduler").length, cpus + 1);
  root.resize("scheduler", 1);
  adopt();
  assert.equal(root.candidates("scheduler").length, 1);
  adopted!.retire(others[0]!);
  assert.equal(root.candidates("scheduler").length, 1, "another one takes the place of one that drains");
  for (const other of others) adopted!.left(other, new HeddleError("THREAD_DIED", "it has ended"), true);
  assert.deepEqual(root.candidates("scheduler"), []);
});
