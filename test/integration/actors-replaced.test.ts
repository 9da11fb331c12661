/** Names that the app registers in `onStart`, while workers and threads are replaced: the replacement boots, and the names pass to it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { get, type LifeServer, serve, until } from "../server/arbiter/support.ts";

const app = fileURLToPath(new URL("../fixtures/actors/kept-app.ts", import.meta.url));

interface Told {
  readonly copy: string;
  readonly by?: string;
  readonly failed?: string;
}

/** Any copy is asked, over a connection of its own. */
async function ask({ url }: LifeServer, path: string): Promise<Told> {
  const { status, body } = await get(url, path);
  assert.equal(status, 200, body);
  return JSON.parse(body) as Told;
}

/** How a call to the actor may fail while the old one ends: its name is free, or it has exited before it has answered. */
const AT_ITS_END: ReadonlySet<string> = new Set(["NAME_UNKNOWN", "ACTOR_CALL_FAILED"]);

const RECENT = 24;

/**
 * All copies come to have the same keeper, which is another one than before. Until then each call is answered, by the old one or the new
 * one, but for a moment. Returns the new one.
 */
async function passesOn(server: LifeServer, of: string, old: string, copies: number): Promise<string> {
  let answers: { readonly asker: string; readonly by: string }[] = [];
  let failed = 0;
  const [byName, byKey] = [`/?of=${of}`, `/?of=${of}&key`];
  await until(
    async () => {
      // Connections go to the copies in turn, and each is to be asked for both.
      for (const path of [byName, byKey, byKey, byName]) {
        const told = await ask(server, path);
        if (told.failed === undefined) answers.push({ asker: `${told.copy} ${path}`, by: told.by! });
        else {
          assert.ok(AT_ITS_END.has(told.failed), told.failed);
          failed++;
        }
      }
      answers = answers.slice(-RECENT);
      const keepers = new Set(answers.map(({ by }) => by));
      const askers = new Set(answers.map(({ asker }) => asker));
      return askers.size === 2 * copies && keepers.size === 1 && !keepers.has(old);
    },
    `another keeper ${of}`,
    60_000,
  );
  assert.ok(failed < RECENT, `${failed} calls failed`);
  return answers[0]!.by;
}

test("two workers: a name is answered from both while its worker is replaced, again and again", async (t) => {
  const server = await serve(t, app, ["--workers", "2", "--threads", "1"]);
  let keeper = (await ask(server, "/?of=0.0")).by!;
  for (let round = 0; round < 2; round++) {
    // The copy that has the keeper fails.
    await until(async () => (await ask(server, `/break?only=${keeper}`)).copy === keeper, "that copy to fail");
    keeper = await passesOn(server, "0.0", keeper, 2);
  }
  assert.doesNotMatch(server.stderr(), /NAME_REFUSED|did not boot/);
});

test("--max-requests: workers that replace each other boot with the names of those before them", async (t) => {
  const server = await serve(t, app, ["--workers", "2", "--threads", "1", "--max-requests", "60"]);
  const keepers = new Set<string>();
  await until(
    async () => {
      const told = await ask(server, "/?of=1.0");
      if (told.failed === undefined) keepers.add(told.by!);
      else assert.ok(AT_ITS_END.has(told.failed), told.failed);
      return keepers.size > 1;
    },
    "another keeper",
    60_000,
  );
  assert.doesNotMatch(server.stderr(), /NAME_REFUSED|did not boot/);
});

test("two threads of one worker: a name passes to the thread that replaces the one that has it", async (t) => {
  const server = await serve(t, app, ["--workers", "1", "--threads", "2"]);
  const keeper = (await ask(server, "/?of=0.1")).by!;
  await until(async () => (await ask(server, `/break?only=${keeper}`)).copy === keeper, "that copy to fail");
  await passesOn(server, "0.1", keeper, 2);
  assert.doesNotMatch(server.stderr(), /NAME_REFUSED|did not boot/);
});
