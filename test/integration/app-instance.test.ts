/** Which copy of the app runs: what it can know, in every shape of a server. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { get, type LifeServer, serve, tempFolder, until } from "../server/arbiter/support.ts";

const heddle = new URL("../../src/index.ts", import.meta.url).href;
const bin = fileURLToPath(new URL("../../bin/heddle.js", import.meta.url));

/** Says what each copy is when it starts, and which one answers. */
const APP = `
import { execFileSync } from "node:child_process";
import { Worker } from "node:worker_threads";
import { instance, isFirst } from ${JSON.stringify(heddle)};
const { HEDDLE_WORKER_INDEX, HEDDLE_THREAD_INDEX, NODE_APP_INSTANCE } = process.env;
const own = [instance.worker, instance.thread, isFirst, HEDDLE_WORKER_INDEX, HEDDLE_THREAD_INDEX, NODE_APP_INSTANCE].join(" ");
console.log("copy: " + own);
export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/command") return new Response(execFileSync(process.execPath, [${JSON.stringify(bin)}, "check", "tiny.mjs"], { cwd: import.meta.dirname }));
    if (pathname !== "/thread") return new Response(own);
    const code = 'import { instance, isFirst } from ${JSON.stringify(heddle)}; import { parentPort } from "node:worker_threads"; parentPort.postMessage([instance.worker, instance.thread, isFirst].join(" "))';
    const thread = new Worker(new URL("data:text/javascript," + encodeURIComponent(code)));
    return new Response(await new Promise((resolve) => thread.once("message", resolve)));
  },
};
`;

function start(
  t: TestContext,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<LifeServer> {
  const folder = tempFolder(t, { "app.mjs": APP, "tiny.mjs": "export default () => {};" });
  return serve(t, join(folder, "app.mjs"), args, { env });
}

function copies(server: LifeServer): string[] {
  return [...server.output(0).matchAll(/^copy: (.*)$/gm)].map(([, copy]) => copy!).sort();
}

describe("a copy of the app knows its number", { concurrency: 2 }, () => {
  test("under each worker and thread, and one of them is the first", async (t) => {
    const server = await start(t, ["-w", "2", "-t", "2"]);
    await until(() => copies(server).length === 4, "all copies to have said theirs");
    assert.deepEqual(copies(server), ["0 0 true 0 0 0", "0 1 false 0 1 1", "1 0 false 1 0 2", "1 1 false 1 1 3"]);
  });

  for (const [who, variable] of [
    ["PM2", { pm_id: "0" }],
    ["a copy of another app", { HEDDLE_THREAD_INDEX: "0" }],
  ] as const) {
    test(`also if ${who} has started heddle and has a number itself`, async (t) => {
      const server = await start(t, ["-w", "2", "-t", "1"], { ...variable, NODE_APP_INSTANCE: "0" });
      await until(() => copies(server).length === 2, "both copies to have said theirs");
      assert.deepEqual(copies(server), ["0 0 true 0 0 0", "1 0 false 1 0 1"]);
    });
  }

  test("and leaves NODE_APP_INSTANCE as its user has set it", async (t) => {
    const server = await start(t, ["-w", "1", "-t", "1"], { NODE_APP_INSTANCE: "north" });
    assert.equal((await get(server.url)).body, "0 0 true 0 0 north");
  });

  for (const model of ["threads", "thread-per-request"]) {
    test(`and no handler thread is the first (${model})`, async (t) => {
      const server = await start(t, ["-w", "1", "-t", "1", "-m", model]);
      assert.equal((await get(server.url)).body, "0  false 0  ");
      // A thread's output takes its time.
      await until(
        () => copies(server).filter((copy) => copy.includes("true")).length === 1,
        "the serving thread's copy",
      );
    });
  }

  test("and threads of its own are not the first", async (t) => {
    const server = await start(t, ["-w", "1", "-t", "1"]);
    assert.equal((await get(server.url)).body, "0 0 true 0 0 0");
    assert.equal((await get(server.url, "/thread")).body, "0  false");
  });

  test("and gives it to its replacement", async (t) => {
    const server = await start(t, ["-w", "2", "-t", "1"]);
    await until(() => copies(server).length === 2, "both copies");
    const first = (await server.status()).workers.find(({ slot }) => slot === 0)!;
    process.kill(first.pid, "SIGKILL");
    await until(() => copies(server).filter((copy) => copy.includes("true")).length === 2, "another first one");
  });

  test("and a heddle command that it runs does not take it for a setting", async (t) => {
    const server = await start(t, ["-w", "1", "-t", "1"]);
    assert.match((await get(server.url, "/command")).body, /tiny\.mjs/);
  });
});
