/** The threads of one worker that run the app are members of one runtime: they have the same names, groups and tasks. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startServer, type TestServer } from "../support/server.ts";

const app = fileURLToPath(new URL("../fixtures/runtime/members-app.ts", import.meta.url));

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
  for (;;) {
    const answer = await ask(server, action, name);
    if (isWanted(answer)) return answer;
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
