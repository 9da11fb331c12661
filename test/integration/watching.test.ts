/** The tasks and actors of an app, as `heddle status`, `threads`, `threads --tree` and `leaks` show them. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ask } from "../../src/server/control/client.ts";
import type { LeakView, TreeView } from "../../src/server/worker/report/unit-views.ts";
import type { ThreadView } from "../../src/server/worker/worker-protocol.ts";
import { type Cleanup, fixture, get, type LifeServer, serve, tempFolder, until } from "../server/arbiter/support.ts";
import { runHeddle } from "../support/server.ts";

const app = fileURLToPath(new URL("../fixtures/watched/app.ts", import.meta.url));

async function act(server: LifeServer, ...paths: readonly string[]): Promise<void> {
  for (const path of paths) assert.equal((await get(server.url, path)).body, "done");
}

function threadsOf(server: LifeServer): Promise<ThreadView[]> {
  return ask(server.control, "/threads") as Promise<ThreadView[]>;
}

async function leaksOf(server: LifeServer): Promise<LeakView[]> {
  const run = await runHeddle(["leaks", "--json", "--control", server.control]);
  assert.equal(run.code, 0, run.stderr);
  return JSON.parse(run.stdout) as LeakView[];
}

describe("one event loop with tasks and actors of all kinds", { concurrency: false }, () => {
  // One server for all: each boot costs as much as the tests.
  let server: LifeServer;
  let actors = 0;
  const atEnd: (() => void | Promise<void>)[] = [];
  const ending: Cleanup = { after: (done) => void atEnd.push(done) };
  after(async () => {
    for (const end of atEnd.toReversed()) await end();
  });

  test("status counts them, by thread, without asking a thread", async () => {
    server = await serve(ending, app, ["-w", "1", "-t", "1", "--blocked-threshold", "1s", "--timeout", "0"]);
    await act(server, "/wait?times=10", "/lose?times=3", "/lose-actor?times=2", "/crash", "/fill?times=70", "/far");
    const { units } = await server.waitForStatus(
      ({ units }) => units !== undefined && units.total.tasks === 14 && units.total.restarts === 1,
    );
    const { total, threads } = units!;
    assert.deepEqual([total.parkedTasks, total.longestMailbox], [13, 70]);
    actors = total.actors;
    assert.ok(total.oldestMessageMs! > 0);
    for (const { thread } of threads) assert.match(thread, /^(scheduler thread \d+|thread 0)$/);
    const printed = await runHeddle(["status", "--control", server.control]);
    assert.match(printed.stdout, /^tasks: 14 alive, 13 parked, 0 not begun$/m);
    assert.match(printed.stdout, /^actors: \d+ alive, .*70 messages .*, 1 restart by supervisors$/m);
  });

  test("threads says where they are parked, and where they were started", async () => {
    const [own, ...others] = await threadsOf(server);
    const groups = own!.units!.groups!;
    const waiting = groups.find(({ name }) => name === "takesOrders")!;
    assert.deepEqual([waiting.count, waiting.state, waiting.where], [10, "parked", "receive"]);
    assert.match(waiting.parkedAt![0]!, /^takesOrders \(.*watched\/app\.ts:\d+:\d+\)$/);
    assert.match(waiting.startedAt!, /^act \(.*watched\/app\.ts/);
    const room = groups.find(({ name }) => name === "room")!;
    assert.deepEqual([room.kind, room.messages, room.where], ["actor", 70, "receive"]);
    assert.equal(groups.find(({ kind }) => kind === "supervisor")!.restarts, 1);
    assert.equal(groups[0], room);
    const scheduler = others.find(({ units }) => units!.counts.tasks > 0)!;
    assert.deepEqual([scheduler.role, scheduler.units!.groups![0]!.name], ["scheduler", "computes"]);
    const printed = await runHeddle(["threads", "--control", server.control]);
    assert.match(printed.stdout, /task takesOrders × 10 {2}parked in receive for up to .*\n {4}at takesOrders \(\//);
    // They go on as before.
    await act(server, "/wait");
  });

  test("the tree has each actor with its state", async () => {
    const [view] = JSON.parse(
      (await runHeddle(["threads", "--tree", "--json", "--control", server.control])).stdout,
    ) as TreeView[];
    assert.equal(view!.thread, "thread 0");
    const [root] = view!.trees!;
    assert.deepEqual([root!.name, root!.kind, root!.restarts, root!.status], ["app", "supervisor", 1, "parked"]);
    assert.deepEqual(Object.fromEntries(root!.children.map(({ path, kind }) => [path, kind])), {
      "app/counter": "worker",
      "app/crashing": "actor",
      "app/room": "actor",
    });
    const printed = await runHeddle(["threads", "--tree", "--control", server.control]);
    assert.match(printed.stdout, /─ room <[\d.]+> {2}actor {2}parked {2}70 messages, the oldest/);
  });

  test("leaks are found once, of tasks and actors, on all threads of the app, and nothing else is harmed", async () => {
    const found = (await leaksOf(server)).flatMap(({ leaks }) => leaks!);
    const sites = found
      .map(({ kind, name, startedAt }) => `${kind} ${name ?? ""} ${/^\w+/.exec(startedAt!)![0]}`)
      .sort();
    assert.deepEqual(sites, [
      "actor lost act",
      "actor lost act",
      "task computes act",
      "task losesItself act",
      "task losesItself act",
      "task losesItself act",
    ]);
    assert.deepEqual(
      (await leaksOf(server)).flatMap(({ leaks }) => leaks!),
      [],
    );
    await server.waitForStatus(({ units }) => units!.total.tasks === 11 && units!.total.actors === actors - 2);
  });

  test("a blocked thread is shown with its stack and its last counts, and is not waited for", async (t) => {
    const file = join(tempFolder(t), "go-on");
    const blocking = get(server.url, `/block?file=${file}`);
    try {
      const view = await until(async () => {
        const [own] = await threadsOf(server);
        return own!.blockedMs > 0 && own!.stack !== undefined ? own : undefined;
      }, "the thread to be blocked");
      assert.match(view.stack!, /at fetch \(.*watched\/app\.ts/);
      assert.deepEqual([view.units!.groups, view.units!.counts.tasks], [undefined, 11]);
      const [tree] = (await ask(server.control, "/tree")) as TreeView[];
      assert.equal(tree!.trees, undefined);
      assert.ok(tree!.blockedMs > 0);
      const printed = await runHeddle(["leaks", "--control", server.control]);
      assert.match(printed.stdout, /thread 0: BLOCKED for .*, and was not looked at/);
    } finally {
      writeFileSync(file, "");
    }
    await blocking;
  });

  test("a thread of the app that computes is looked at from outside", async () => {
    await act(server, "/far?ms=10000");
    // A look at a busy machine may come too late, or to nothing.
    await until(async () => {
      const others = (await threadsOf(server)).filter(({ role }) => role === "scheduler");
      return others.some(
        ({ blockedMs, stack = "" }) => blockedMs > 0 && /watched\/far\.ts:\d+:\d+\), task computes$/.test(stack),
      );
    }, "the place in a scheduler thread that is blocked");
  });
});

test("the threads that run handlers are shown by their pools; an app without tasks and actors has neither", async (t) => {
  const [handlers, plain] = await Promise.all([
    serve(t, app, ["-w", "1", "--model", "threads", "--threads", "1"]),
    serve(t, fixture("hello.ts"), ["-w", "1", "-t", "1"]),
  ]);
  await act(handlers, "/wait?times=2");
  const { units } = await handlers.waitForStatus(({ units }) => units?.total.tasks === 2);
  assert.deepEqual(
    units!.threads.filter(({ counts }) => counts.tasks > 0).map(({ thread }) => thread),
    ["handler pool threads, thread 1"],
  );
  const views = await threadsOf(handlers);
  assert.equal(views.find(({ pool }) => pool !== undefined)!.units!.groups![0]!.name, "takesOrders");
  const trees = (await ask(handlers.control, "/tree")) as TreeView[];
  assert.deepEqual(trees.map(({ thread }) => thread).sort(), ["handler pool threads, thread 1", "thread 0"]);

  const status = await plain.status();
  assert.equal("units" in status, false);
  assert.deepEqual(
    (await threadsOf(plain)).map((view) => "units" in view),
    [false],
  );
  const texts = await Promise.all(
    [["status"], ["threads"], ["threads", "--tree"], ["leaks"]].map(
      async (command) => (await runHeddle([...command, "--control", plain.control])).stdout,
    ),
  );
  assert.doesNotMatch(texts[0]! + texts[1]!, /tasks|actors/);
  assert.match(texts[2]!, /^no supervisors$/m);
  assert.match(texts[3]!, /the app uses neither heddle\/tasks nor heddle\/actors/);
});
