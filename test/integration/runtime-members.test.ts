/** The threads of one worker that run the app are members of one runtime: they have the same names, groups and tasks. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startServer, type TestServer } from "../support/server.ts";

const app = fileURLToPath(new URL("../fixtures/runtime/members-app.ts", import.meta.url));

const PATIENCE_MS = 60_000;

interface Answer {
  readonly thread: number;
  readonly node: number;
  readonly result: unknown;
}

/** Over a connection of its own. */
async function ask(server: TestServer, action: string, name = "-"): Promise<Answer> {
  const response = await fetch(`${server.url}/${action}/${name}`, { headers: { connection: "close" } });
  assert.equal(response.status, 200);
  return (await response.json()) as Answer;
}

/** Repeats it until the answer is as wanted: news from other threads come a moment later. */
async function until(
  server: TestServer,
  action: string,
  isWanted: (answer: Answer) => boolean,
  name?: string,
): Promise<Answer> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask(server, action, name);
    if (isWanted(answer)) return answer;
    if (performance.now() > deadline) throw new Error(`the last answer to ${action} is ${JSON.stringify(answer)}`);
  }
}

const args = ["-w", "1", "-t", "2"];

/** Of the thread that has spawned the actor "a", and another one: `from` and `to` are the places of the actions. */
async function talk(server: TestServer, from: "" | "handler/", to: "" | "handler/"): Promise<void> {
  const { thread: first } = await ask(server, `${from}spawn`, "a");
  assert.ok(first > 0, "the root is the acceptor");
  const isOther = ({ thread }: Answer): boolean => thread !== first;
  const knows = ({ result }: Answer): boolean => JSON.stringify(result) === JSON.stringify([["a"], 1]);
  const { thread: second } = await until(server, `${to}names`, (answer) => isOther(answer) && knows(answer));
  const { result } = await until(server, `${to}call`, isOther, "a");
  assert.equal(result, `hello from thread ${first}`);
  const { result: seen } = await ask(server, `${to}observe`);
  const all = (seen as readonly [number, boolean][]).filter(([, responds]) => responds).map(([id]) => id);
  assert.ok(all.includes(first) && all.includes(second), JSON.stringify(seen));
  await until(server, `${to}watch`, ({ thread }) => thread === second, "a");
  await until(server, `${from}throw`, ({ thread }) => thread === first);
  await until(server, `${to}downs`, ({ thread, result: downs }) => thread === second && String(downs) === "a");
  const { thread: third } = await until(server, `${from}names`, ({ thread }) => thread > second);
  assert.ok(third > first, "numbers are not used again");
  const { result: left } = await ask(server, `${from}names`);
  assert.deepEqual(left, [[], 0]);
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
}

describe("the threads of a worker know each other's actors by name and in groups, call them, and hear of their ends", () => {
  test("two serving threads", async () => {
    await using server = await startServer(app, args);
    await talk(server, "", "");
  });

  test("a handler thread and serving threads", async () => {
    await using server = await startServer(app, args);
    await talk(server, "handler/", "");
  });

  test("a serving thread and a handler thread", async () => {
    await using server = await startServer(app, args);
    await talk(server, "", "handler/");
  });
});

describe("an actor that computes for ever is ended alone, wherever it is", () => {
  for (const shape of [["-t", "2"], []]) {
    test(shape.length > 0 ? "on serving threads" : "on the main thread", async () => {
      await using server = await startServer(app, ["-w", "1", "--runaway-budget", "300ms", ...shape]);
      await ask(server, "spawn", "a");
      for (const how of ["plain", "timer", "timer"]) {
        assert.equal((await ask(server, "compute", how)).result, "killed", how);
        await until(server, "call", ({ result }) => String(result).startsWith("hello from thread"), "a");
      }
      // After that its copy of the app is replaced, and "a" may have been there (docs/decisions/runaways.md).
      assert.equal((await ask(server, "compute", "later")).result, "killed");
      assert.match(
        server.stderr(),
        /"code":"ACTOR_RAN_AWAY".*members-app\.ts.*runaway budget of 300 ms on serving thread/,
      );
      assert.deepEqual(await server.stop(), { code: 0, signal: null });
    });
  }
});

describe("an actor that cannot be ended", () => {
  test("has its thread replaced, after somebody has told it to exit with kill", async () => {
    await using server = await startServer(app, ["-w", "1", "-t", "2", "--runaway-budget", "off"]);
    const { thread: first } = await ask(server, "native", "n");
    await until(server, "names", ({ thread, result }) => thread !== first && JSON.stringify(result) === '[["n"],0]');
    await until(server, "begin", ({ result }) => result === true, "n");
    await until(server, "kill", ({ result }) => result === true, "n");
    await server.waitForLog(/"serving thread \d is replaced: the actor .* could not be ended/);
    await until(server, "names", ({ thread, result }) => thread > first + 1 && JSON.stringify(result) === "[[],0]");
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
  });
});

describe("a fresh thread for a request", () => {
  test("joins, and takes the names of its actors with it", async () => {
    await using server = await startServer(app, ["-w", "1", "-t", "2"]);
    const { thread: stays } = await ask(server, "spawn", "a");
    const { thread: first } = await ask(server, "fresh/spawn", "b");
    const { thread: second } = await until(
      server,
      "fresh/names",
      ({ result }) => JSON.stringify(result) === '[["a"],1]',
    );
    assert.ok(second > first && first > stays, "each has a number of its own");
    await until(server, "fresh/call", ({ result }) => result === `hello from thread ${stays}`, "a");
  });
});

describe("threads that the runtime has started for an app", () => {
  test("run its tasks and actors, which are told to end when the server stops, and get the time to", async () => {
    await using server = await startServer(app, ["-w", "1", "-t", "2"]);
    const { result, thread } = await ask(server, "go");
    const placed = result as { readonly runtime: number };
    assert.notEqual(placed.runtime, thread);
    assert.deepEqual(
      (await ask(server, "handler/go")).result,
      result,
      "setSchedulerThreads(1) on any thread is for all",
    );
    assert.notEqual(((await ask(server, "blocking")).result as typeof placed).runtime, placed.runtime);
    assert.equal((await ask(server, "any", "b")).result, 1);
    await until(server, "handler/call", ({ result: said }) => said === `hello from thread ${placed.runtime}`, "b");
    assert.deepEqual((await ask(server, "handler/channel")).result, [1, 2, 3]);
    await ask(server, "stay");
    await server.waitForLog(/the actor stays/);
    await server.waitForLog(/the task begins/);
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
    assert.match(server.stdout(), /the task is cancelled/);
    assert.match(server.stdout(), /the actor has cleaned up/);
    assert.doesNotMatch(server.stderr(), /DEADLOCK/);
  });

  test("are ended at the graceful timeout if their actors do not end, and the server says so", async () => {
    await using server = await startServer(app, ["-w", "1", "-t", "2", "--graceful-timeout", "1s"]);
    await ask(server, "stubborn");
    await server.waitForLog(/the actor is stubborn/);
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
    assert.match(server.stderr(), /1 thread of tasks and actors is ended with work that did not end/);
  });
});
