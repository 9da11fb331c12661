/** Promises of the model `tasks` only. test/contracts/model.contract.ts tests the promises of all models. */

import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { get as request, type LifeServer, serve, tempFolder, until } from "../server/arbiter/support.ts";
import type { LeakView } from "../../src/server/worker/report/unit-views.ts";
import { runHeddle } from "../support/server.ts";
import { RawConnection } from "../support/raw-connection.ts";

const app = new URL("../fixtures/tasks-model/app.ts", import.meta.url).pathname;
const plain = new URL("../fixtures/tasks-model/plain.ts", import.meta.url).pathname;

interface TasksServer extends LifeServer {
  /** Holds all requests that name the gate. */
  close(gate: string): void;
  open(gate: string): void;
}

async function serveTasks(t: TestContext, args: readonly string[]): Promise<TasksServer> {
  const folder = tempFolder(t);
  const flags = ["--model", "tasks", "--debug-headers", "--queue-timeout", "0", ...args];
  const server = await serve(t, app, flags, { env: { GATES: folder } });
  return {
    ...server,
    close: (gate) => writeFileSync(join(folder, gate), ""),
    open: (gate) => rmSync(join(folder, gate), { force: true }),
  };
}

async function ask(server: LifeServer, path: string): Promise<Record<string, unknown> & { readonly thread: number }> {
  const { status, headers, body } = await request(server.url, path);
  assert.equal(status, 200, JSON.stringify({ headers, body }));
  return JSON.parse(body) as Record<string, unknown> & { readonly thread: number };
}

const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);

async function waitForInFlight(server: LifeServer, name: string, inFlight: number): Promise<void> {
  await server.waitForStatus(({ workers }) =>
    workers.some(({ pools }) => pools.some((pool) => pool.name === name && pool.inFlight === inFlight)),
  );
}

/** A request in flight may not have reached its handler yet. */
async function waitForBegun(server: LifeServer, path: string, count: number): Promise<void> {
  const isBegun = (): boolean => server.stdout().split(`begun: ${path}\n`).length > count;
  await until(isBegun, `${count} × ${path} to have begun`);
}

describe("the model tasks", { concurrency: 2 }, () => {
  test("runs any number of requests at once on a thread, and uses all threads", async (t) => {
    const server = await serveTasks(t, ["--threads", "2"]);
    server.close("all");
    const waiting: ReturnType<typeof ask>[] = [];
    // One after the other: on a busy machine, a thread that is late gets nothing of a wave.
    for (let wave = 1; wave <= 3; wave++) {
      waiting.push(...times(100, () => ask(server, "/wait?gate=all")));
      await waitForInFlight(server, "tasks", 100 * wave);
    }
    // More than a ring has cells, and their places are used again.
    for (let round = 0; round < 3; round++) await Promise.all(times(100, () => ask(server, "/")));
    server.open("all");
    assert.equal(new Set((await Promise.all(waiting)).map(({ thread }) => thread)).size, 2);
    await waitForInFlight(server, "tasks", 0);
    const { models, counters } = await server.status();
    assert.deepEqual([models["tasks"], counters.finished], [{ inFlight: 0, queued: 0 }, 600]);
  });

  test("what a blocked thread has not begun is answered by another", async (t) => {
    const server = await serveTasks(t, ["--threads", "2"]);
    for (const gate of ["block", "wait"]) server.close(gate);
    // The others have something too, so that the blocked thread is not avoided for what it has.
    const waiting = times(40, () => ask(server, "/wait?gate=wait"));
    await waitForInFlight(server, "tasks", 40);
    const blocked = ask(server, "/block?gate=block");
    await waitForBegun(server, "/block", 1);
    const others = await Promise.all(times(60, () => ask(server, "/")));
    assert.equal(new Set(others.map(({ thread }) => thread)).size, 1);
    server.open("block");
    assert.notEqual((await blocked).thread, others[0]!.thread);
    server.open("wait");
    assert.equal((await Promise.all(waiting)).length, 40);
  });

  test("a thread that is blocked past the timeout is replaced: what it had begun is lost, what it had not is not", async (t) => {
    // Long enough that on a busy machine only the blocked one exceeds it.
    const server = await serveTasks(t, ["--threads", "1", "--timeout", "5s"]);
    const client = await RawConnection.open(server.port);
    t.after(() => client.destroy());
    server.close("wait");
    client.request("GET /wait?gate=wait HTTP/1.1");
    await waitForBegun(server, "/wait", 1);
    const forever = request(server.url, "/forever");
    await waitForBegun(server, "/forever", 1);
    const later = ask(server, "/");
    assert.equal((await forever).status, 504);
    // Its own time is over as well by then, or its thread is gone first.
    assert.ok([500, 504].includes((await client.response()).status));
    assert.ok((await later).thread > 0);
    const [log] = await server.waitForLog(/handler thread 1 of tasks is ended: [^]*?(?:app\.ts:\d+|no stack)/);
    assert.match(log, /its event loop has not turned for 5000 ms.*GET \/forever/);
    assert.equal((await ask(server, "/")).thread > 0, true);
  });

  test("each request is a task of heddle/tasks, named by its route; channels, select, go and blocking work", async (t) => {
    const server = await serveTasks(t, ["--threads", "1"]);
    const { names } = await ask(server, "/report/7");
    assert.deepEqual(names, ["GET /report/:id running"]);
    const { sum, selected, elsewhere, blocking } = await ask(server, "/library");
    assert.deepEqual(
      { sum, selected, elsewhere, blocking },
      { sum: 6, selected: "ready", elsewhere: 49, blocking: 64 },
    );
  });

  test("one that computes without end is reported with its path, whatever its route", async (t) => {
    const server = await serveTasks(t, ["--threads", "2", "--runaway-budget", "tasks=warn:200ms"]);
    server.close("block");
    const blocked = ask(server, "/block?gate=block");
    await server.waitForLog(/the task \\"GET \/block\\" has run for \d+ ms on .* without awaiting/);
    server.open("block");
    await blocked;
  });

  test("heddle leaks finds those that await what nobody settles, and none that the end of its client would wake", async (t) => {
    const server = await serveTasks(t, ["--threads", "1", "--timeout", "60s"]);
    const clients = await Promise.all(times(2, () => RawConnection.open(server.port)));
    for (const client of clients) t.after(() => client.destroy());
    const [never, aborted] = clients;
    never!.request("GET /never?a=b HTTP/1.1");
    aborted!.request("GET /aborted HTTP/1.1");
    for (const path of ["/never", "/aborted"]) await waitForBegun(server, path, 1);
    const leaks = async (): Promise<string> =>
      (await runHeddle(["leaks", "--json", "--control", server.control])).stdout;
    assert.deepEqual((await leaks()).match(/"name": "[^"]*"/g), ['"name": "GET /never"']);
    assert.doesNotMatch(await leaks(), /"name"/);
    assert.ok((await ask(server, "/")).thread > 0);
    // The one is over with its connection, though its handler never returns; the other one returns.
    for (const client of clients) client.destroy();
    await waitForInFlight(server, "tasks", 0);
  });

  test("heddle leaks finds those that are parked on what nobody else can reach, and none that another can wake", async (t) => {
    const server = await serveTasks(t, ["--threads", "1", "--timeout", "60s"]);
    const leaking = ["receive", "send", "select", "lock", "two"];
    const known = [
      "known channel",
      "known select",
      "known mutex",
      "a minute",
      "a minute's channel",
      "its client",
      "either",
    ];
    const parked = [...leaking, ...known];
    const leaving = new AbortController();
    const answers = parked.map((on) =>
      fetch(`${server.url}/parked?on=${encodeURIComponent(on)}`, leaving).catch(() => {}),
    );
    await waitForBegun(server, "/parked", parked.length);
    const leaks = async (): Promise<(string | undefined)[]> => {
      const { stdout } = await runHeddle(["leaks", "--json", "--control", server.control]);
      return (JSON.parse(stdout) as LeakView[]).flatMap((view) => view.leaks?.map(({ where }) => where) ?? []);
    };
    assert.deepEqual((await leaks()).map(String).sort(), ["mutex", "receive", "receive", "select", "send"]);
    assert.deepEqual(await leaks(), []);
    // Those that were not found can still be woken: by another request, or by the end of their client.
    await ask(server, "/wakes");
    leaving.abort();
    await Promise.all(answers);
    const asleep = known.filter((on) => on.startsWith("a minute"));
    await waitForInFlight(server, "tasks", asleep.length);
  });

  test("its context has the request's deadline, and is cancelled when the client leaves", async (t) => {
    const server = await serveTasks(t, ["--threads", "1", "--timeout", "20s"]);
    const { leftMs, isCurrent, isSame } = await ask(server, "/context");
    assert.ok((leftMs as number) > 0 && (leftMs as number) <= 20_000, `${String(leftMs)} ms are left`);
    assert.deepEqual([isCurrent, isSame], [true, true]);
    const client = await RawConnection.open(server.port);
    client.request("GET /gone HTTP/1.1");
    await waitForBegun(server, "/gone", 1);
    client.destroy();
    await waitForInFlight(server, "tasks", 0);
    assert.deepEqual((await ask(server, "/left"))["left"], ["CANCELED: AbortError"]);
  });

  test("no task of the request's group outlives it, and its failure is not lost", async (t) => {
    const server = await serveTasks(t, ["--threads", "1"]);
    await ask(server, "/leaves-tasks");
    await server.waitForLog(/GET \*: 1 task of the request's group still ran when its response was out/);
    await until(
      async () => ((await ask(server, "/left"))["left"] as string[]).includes("cancelled: the request is over."),
      "the task to have been cancelled",
    );
    await ask(server, "/group-fails");
    await server.waitForLog(/a task of the group/);
    await waitForInFlight(server, "tasks", 0);
  });

  for (const model of ["tasks", "threads", "loop", "actors"]) {
    test(`a context and a group that a handler's leftovers ask for when the request is over are cancelled, under ${model}`, async (t) => {
      const server = await serveTasks(t, ["--threads", "1", "--model", model]);
      await ask(server, "/asks-late");
      await until(
        async () => ((await ask(server, "/left"))["left"] as string[]).length > 0,
        "the leftovers to have asked",
      );
      assert.deepEqual((await ask(server, "/left"))["left"], ["late: CANCELED, CANCELED"]);
    });
  }

  test('a handler that says reclassify("threads") has its thread alone until it is done', async (t) => {
    const server = await serveTasks(t, ["--threads", "2"]);
    for (const gate of ["block", "wait"]) server.close(gate);
    const waiting = times(10, () => ask(server, "/wait?gate=wait"));
    await waitForInFlight(server, "tasks", 10);
    const computing = ask(server, "/computes?gate=block");
    await server.waitForLog(/has its thread alone/);
    const others = await Promise.all(times(30, () => ask(server, "/")));
    assert.equal(new Set(others.map(({ thread }) => thread)).size, 1);
    server.open("block");
    assert.notEqual((await computing).thread, others[0]!.thread);
    server.open("wait");
    await Promise.all(waiting);
    const used = new Set<number>();
    await until(async () => {
      for (const { thread } of await Promise.all(times(30, () => ask(server, "/")))) used.add(thread);
      return used.size === 2;
    }, "both threads to be used again");
  });

  test('a handler under threads that says reclassify("tasks") gives its thread to the next, and gets it back', async (t) => {
    const server = await serveTasks(t, ["--threads", "1"]);
    server.close("wait");
    const waiting = times(5, () => ask(server, "/on-threads?gate=wait"));
    await waitForInFlight(server, "/on-threads", 5);
    const { thread } = await ask(server, "/on-threads");
    server.open("wait");
    assert.deepEqual(new Set((await Promise.all(waiting)).map((each) => each.thread)), new Set([thread]));
    await waitForInFlight(server, "/on-threads", 0);
  });

  for (const model of ["tasks", "threads"]) {
    test(`under ${model}, heddle leaks ends requests that wait for what nobody settles, though the app uses no tasks`, async (t) => {
      const server = await serve(t, plain, ["--model", model, "--threads", "1", "--timeout", "3s"]);
      const paths = ["/at-once", "/late", "/known"];
      const answers = await Promise.all(paths.map((path) => request(server.url, path)));
      assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([504]));
      await waitForInFlight(server, model, 3);
      const leaks = async (): Promise<readonly string[] | null> =>
        (await runHeddle(["leaks", "--json", "--control", server.control])).stdout.match(/"name": "[^"]*"/g);
      assert.deepEqual((await leaks())?.toSorted(), ['"name": "GET /at-once"', '"name": "GET /late"']);
      assert.equal(await leaks(), null);
      await waitForInFlight(server, model, 1);
    });
  }
});
