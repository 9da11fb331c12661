/** Actors in whole servers: with several workers they are as with one, whatever happens to the workers. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { command } from "../../src/server/control/client.ts";
import { keep, type Keeper, type LifeServer, serve, tempFolder, until } from "../server/arbiter/support.ts";

const app = fileURLToPath(new URL("../fixtures/actors/across-app.ts", import.meta.url));
const COUNT = 200;

interface Told {
  /** Process and thread. */
  readonly copy: string;
  readonly heard: Readonly<Record<string, { readonly count: number; readonly faults: number }>>;
  readonly downs: readonly unknown[];
  readonly members: readonly string[];
  readonly holder: string | undefined;
  /** What the counter says, and its process. */
  readonly value?: number;
  readonly by?: number;
  readonly failed?: string;
  readonly reason?: unknown;
}

/** A connection to each copy. */
type Copies = ReadonlyMap<string, (path: string) => Promise<Told>>;

async function copiesOf(keepers: Keeper[], { url }: LifeServer, copies: number): Promise<Copies> {
  const found = new Map<string, (path: string) => Promise<Told>>();
  await until(async () => {
    const keeper = await keep(url);
    keepers.push(keeper);
    const ask = async (path: string): Promise<Told> => {
      const answer = await keeper.ask(path);
      return JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4)) as Told;
    };
    // A connection to an old copy may break.
    const told = await ask("/").catch(() => undefined);
    if (told !== undefined) found.set(told.copy, ask);
    return found.size >= copies;
  }, `connections to ${copies} copies`);
  return found;
}

/** All copies know one holder of the name, and all members. */
async function settled(copies: Copies): Promise<Told[]> {
  return await until(async () => {
    const told = await Promise.all([...copies.values()].map((ask) => ask("/")));
    const holders = new Set(told.map(({ holder }) => holder));
    const isComplete = told.every(({ members }) => members.length === copies.size);
    return isComplete && holders.size === 1 && !holders.has(undefined) ? told : undefined;
  }, `${copies.size} copies to agree`);
}

/** Each copy asks the counter once: there is only one. Returns its process. */
async function count(copies: Copies): Promise<number> {
  const told: Told[] = [];
  for (const ask of copies.values()) told.push(await ask("/count"));
  assert.deepEqual(
    told.map(({ value }) => value),
    told.map((_, index) => index + 1),
  );
  assert.equal(new Set(told.map(({ by }) => by)).size, 1);
  return told[0]!.by!;
}

/** Each copy hears all that each of them publishes, once and in order. `round`: how often they have published. */
async function publish(copies: Copies, round: number): Promise<void> {
  await Promise.all([...copies.values()].map((ask) => ask(`/publish?count=${COUNT}`)));
  for (const ask of copies.values()) await hears(ask, copies.keys(), round * COUNT);
}

async function hears(ask: (path: string) => Promise<Told>, from: Iterable<string>, count: number): Promise<void> {
  for (const copy of from) {
    const heard = await until(async () => {
      const each = (await ask("/")).heard[copy];
      return each !== undefined && each.count >= count ? each : undefined;
    }, `all messages of ${copy}`);
    assert.deepEqual([heard.count, heard.faults], [count, 0]);
  }
}

const shapes: readonly { readonly flags: readonly string[]; readonly copies: number }[] = [
  { flags: ["--workers", "1", "--threads", "1"], copies: 1 },
  { flags: ["--workers", "2", "--threads", "1"], copies: 2 },
  { flags: ["--workers", "2", "--threads", "2"], copies: 4 },
];

for (const { flags, copies: number } of shapes) {
  test(`${flags.join(" ")}: one counter, one group; a death, a reload and a blocked worker`, async (t) => {
    // Connections wait for each other.
    const patient = ["--blocked-threshold", "60s", "--timeout", "0", "--keep-alive", "2m"];
    const server = await serve(t, app, [...flags, ...patient]);
    const keepers: Keeper[] = [];
    const leave = (): void => keepers.splice(0).forEach(({ socket }) => socket.destroy());
    t.after(leave);
    let copies = await copiesOf(keepers, server, number);
    const processes = new Set([...copies.keys()].map((copy) => Number.parseInt(copy, 10))).size;
    await settled(copies);
    const holder = await count(copies);
    await publish(copies, 1);

    // The worker with the counter dies: another one takes over.
    const others = new Map([...copies].filter(([copy]) => Number.parseInt(copy, 10) !== holder));
    process.kill(holder, "SIGKILL");
    for (const ask of others.values()) {
      await until(async () => {
        const { by } = await ask("/count?timeout=100");
        return by !== undefined && by !== holder;
      }, "another counter");
      assert.deepEqual((await ask("/")).downs, ["noconnection"]);
    }
    await server.waitForStatus(
      ({ workers }) => workers.filter(({ state, pid }) => state === "serving" && pid !== holder).length === processes,
    );

    // The new generation has names of its own, so its workers boot while the old ones have theirs.
    leave();
    await command(server.control, "/reload", { progress: () => {} });
    copies = await copiesOf(keepers, server, number);
    await settled(copies);
    await count(copies);
    await publish(copies, 1);

    // What is sent to a worker that stands still arrives when it goes on.
    const file = join(tempFolder(t), "go-on");
    const [first, last] = [[...copies.values()][0]!, [...copies.values()].at(-1)!];
    const stands = first(`/block?file=${file}`);
    if (first !== last) await last(`/publish?count=${COUNT}`);
    writeFileSync(file, "");
    await stands;
    if (first === last) await last(`/publish?count=${COUNT}`);
    await hears(first, [[...copies.keys()].at(-1)!], 2 * COUNT);
  });
}
