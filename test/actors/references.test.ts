/** Channels in messages, tables and registries that several threads get: each of them can use the channel as long as it has it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  call,
  createTable,
  groups,
  openTable,
  registry,
  schedulerThreads,
  spawn,
  type Pid,
} from "../../src/actors/index.ts";
import { Channel } from "../../src/tasks/index.ts";
import { holdsChannel } from "../fixtures/actors/holds-channel.ts";
import { newPuppet } from "./support.ts";

const ask = (pid: Pid, request: unknown): Promise<any> => call(pid as never, request as never);

async function onEachThread(...args: readonly [table?: string]): Promise<Pid[]> {
  const threads = await schedulerThreads();
  return await Promise.all(threads.map((on) => spawn<Pid>(holdsChannel as never, args as never, { on })));
}

test("a channel that was published to several threads works until the last of them has dropped it", async () => {
  const pids = await onEachThread();
  for (const pid of pids) await groups.join("holders", pid);
  const channel = new Channel<string>(2);
  assert.equal(groups.publish("holders", { channel }), pids.length);
  for (const pid of pids) {
    await channel.send("a value");
    assert.deepEqual(await ask(pid, "receive"), { value: "a value", ok: true });
    await ask(pid, "drop");
  }
});

test("a channel in a table works on the threads that read the table", async () => {
  const channel = new Channel<string>(2);
  const table = await createTable<string, unknown>(await newPuppet(), "of channels");
  const pids = await onEachThread("of channels");
  await table.set("channel", { channel }, { everywhere: true });
  assert.equal(((await openTable<string, any>("of channels")).get("channel") as { channel: unknown }).channel, channel);
  for (const pid of pids) {
    await channel.send("a value");
    assert.deepEqual(await ask(pid, "receive from the table"), { value: "a value", ok: true });
  }
});

test("a channel that threads have from a registry's entry works until the last of them has dropped it", async () => {
  const pids = await onEachThread();
  const [channel, owner] = [new Channel<string>(2), await newPuppet()];
  const holders = registry<unknown>("of channels");
  await holders.register("channel", owner, { channel });
  for (const pid of pids) while ((await ask(pid, "take from the registry")) !== true);
  await holders.unregister("channel", owner);
  for (const pid of pids) {
    await channel.send("a value");
    assert.deepEqual(await ask(pid, "receive"), { value: "a value", ok: true });
    await ask(pid, "drop");
  }
});
