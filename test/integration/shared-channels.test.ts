/** Channels of `heddle/shared` in whole servers: each copy of the app hears each other one, whatever happens to them. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { command } from "../../src/server/control/client.ts";
import type { Heard } from "../fixtures/shared/channels.ts";
import { runHeddle } from "../support/server.ts";
import { type LifeServer, serve, tempFolder, until } from "../server/arbiter/support.ts";

const app = fileURLToPath(new URL("../fixtures/shared/channels.ts", import.meta.url));
const COUNT = 40;

interface Told {
  readonly id: string;
  readonly heard: Readonly<Record<string, Heard>>;
}

async function ask({ url }: LifeServer, query: string = ""): Promise<Told> {
  return (await (await fetch(`${url}/${query}`)).json()) as Told;
}

/** The copies of these processes. */
async function copiesOf(server: LifeServer, pids: ReadonlySet<number>): Promise<Readonly<Record<string, Heard>>> {
  const { heard } = await ask(server);
  return Object.fromEntries(Object.entries(heard).filter(([id]) => pids.has(Number.parseInt(id, 10))));
}

async function servingPids(server: LifeServer, workers: number): Promise<ReadonlySet<number>> {
  const isReady = (states: readonly string[]): boolean =>
    states.length === workers && states.every((state) => state === "serving");
  const status = await server.waitForStatus((now) => isReady(now.workers.map(({ state }) => state)));
  return new Set(status.workers.map(({ pid }) => pid));
}

/** Each copy sends COUNT messages, and each other copy hears them once and in their order. */
async function talk(server: LifeServer, copies: readonly string[], round: number): Promise<void> {
  await ask(server, `?talk=${COUNT}&round=${round}`);
  for (const id of copies) {
    const expected = Object.fromEntries(copies.filter((each) => each !== id).map((each) => [each, COUNT]));
    const got = await until(
      async () => {
        const heard = (await ask(server)).heard[id]!;
        const isOver = Object.keys(expected).every((each) => (heard.counts[each] ?? 0) >= COUNT);
        return heard.round === round && isOver ? heard : undefined;
      },
      `${id} to hear all of ${copies.join(", ")}`,
    );
    assert.deepEqual([got.counts, got.faults, got.gaps], [expected, 0, 0]);
  }
}

const shapes: readonly { readonly flags: readonly string[]; readonly workers: number; readonly copies: number }[] = [
  { flags: ["--workers", "2"], workers: 2, copies: 2 },
  { flags: ["--workers", "2", "--threads", "2"], workers: 2, copies: 4 },
  { flags: ["--threads", "3"], workers: 1, copies: 3 },
  { flags: ["--model", "sync", "--workers", "2"], workers: 2, copies: 2 },
  // The serving thread has a copy as well.
  { flags: ["--model", "threads", "--workers", "2", "--threads", "2"], workers: 2, copies: 6 },
];

for (const { flags, workers, copies } of shapes) {
  test(`${flags.join(" ")}: each copy hears each other one exactly once, in order, before and after a reload`, async (t) => {
    const server = await serve(t, app, flags);
    const old = await until(async () => {
      const ids = Object.keys((await ask(server)).heard);
      return ids.length === copies ? ids : undefined;
    }, `${copies} copies`);
    await talk(server, old, 1);
    await talk(server, old, 2);
    await command(server.control, "/reload", { progress: () => {} });
    const pids = await servingPids(server, workers);
    const made = Object.keys(await copiesOf(server, pids));
    assert.equal(made.length, copies);
    await talk(server, made, 3);
    // The two generations heard each other.
    const { heard } = await ask(server);
    const greeted = made.filter((id) => heard[id]!.replies.some((from) => old.includes(from)));
    assert.ok(greeted.length > 0, JSON.stringify(heard));
    for (const id of greeted) assert.ok(old.some((each) => heard[each]!.hellos.includes(id)));
  });
}

test("thread-per-request: the serving thread hears what the thread of a request publishes", async (t) => {
  const server = await serve(t, app, ["--model", "thread-per-request", "--threads", "1:2"]);
  const { id } = await ask(server, "?alone=30&round=1");
  const hears = ({ counts, faults }: Heard): boolean => counts[id] === 30 && faults === 0;
  await until(async () => Object.values((await ask(server)).heard).some(hears), "another copy to hear it");
});

test("a worker that is killed is missing, and its replacement hears and is heard", async (t) => {
  const server = await serve(t, app, ["--workers", "3"]);
  const before = await servingPids(server, 3);
  await talk(server, Object.keys(await copiesOf(server, before)), 1);
  const [killed] = before;
  process.kill(killed!, "SIGKILL");
  const after = await until(async () => {
    const pids = await servingPids(server, 3);
    return pids.has(killed!) ? undefined : pids;
  }, "a replacement");
  const copies = Object.keys(await copiesOf(server, after));
  assert.equal(copies.length, 3);
  await talk(server, copies, 2);
  const { messages } = (await server.status()).shared!;
  assert.deepEqual([messages.channels, messages.subscriptions, messages.dropped], [1, 3, 0]);
  const { stdout } = await runHeddle(["status", "--control", server.control]);
  assert.match(stdout, /^messages: \d+ published, \d+ sent to 3 subscriptions of 1 channel, 0 dropped$/m);
});

test("a copy that is blocked delays no other, loses what is over its limit, and learns of it afterwards", async (t) => {
  const server = await serve(t, app, ["--workers", "3", "--timeout", "0"]);
  const copies = Object.keys(await copiesOf(server, await servingPids(server, 3)));
  const file = join(tempFolder(t), "go-on");
  const blocked = ask(server, `?block=${encodeURIComponent(file)}`);
  // What the blocked one has accepted is answered at the end.
  const late: Promise<Told>[] = [];
  let round = 1;
  await until(async () => {
    late.push(ask(server, `?alone=2000&round=${round++}`));
    await Promise.race([late.at(-1), new Promise((resolve) => setTimeout(resolve, 1000))]);
    return (await server.status()).shared!.messages.dropped > 0;
  }, "messages to be dropped");
  await server.waitForLog(/process \d+ reads its messages too slowly, so some were dropped for it/);
  writeFileSync(file, "");
  const { id } = await blocked;
  await Promise.all(late);
  const heard = await until(async () => {
    const told = await ask(server);
    return told.heard[id]!.gaps > 0 ? told.heard : undefined;
  }, "the gap to be told");
  for (const each of copies) if (each !== id) assert.equal(heard[each]!.gaps, 0);
});
