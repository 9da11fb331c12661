/** An app and its process: everything works on a worker's main thread, and a thread says by name what does not. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { get, serve, tempFolder, until } from "../server/arbiter/support.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { runHeddle, startServer, type TestServer } from "../support/server.ts";

const fixture = (name: string): string => new URL(`../fixtures/process/${name}`, import.meta.url).pathname;
const app = fixture("app.ts");

async function answer(url: string, path: string): Promise<unknown> {
  return JSON.parse((await get(url, path)).body) as unknown;
}

/** A thread's output takes its time. */
async function preloaded(server: Pick<TestServer, "stdout">, count: number): Promise<RegExpMatchArray[]> {
  return await until(() => {
    const lines = [...server.stdout().matchAll(/^preloaded in (\d+)\/(\d+) (.*)$/gm)];
    return lines.length >= count ? lines : undefined;
  }, `${count} threads to have loaded it`);
}

describe("an app on its worker's main thread", { concurrency: 2 }, () => {
  test("may do with its process what it likes", async (t) => {
    const server = await serve(t, app, ["-t", "1", "--", "--its-own", "flag"]);
    const { url } = server;
    assert.deepEqual(await answer(url, "/main"), [true, true, [app, "--its-own", "flag"], true, false]);
    assert.equal(await answer(url, "/umask"), 0o27);
    assert.equal(await answer(url, "/setuid"), "done");
    assert.equal(await answer(url, "/title"), "my app");
    assert.equal(await answer(url, "/zone"), 9);
    assert.equal(await answer(url, "/chdir"), "/");
    const { code } = await server.stop();
    assert.equal(code, 0);
    assert.doesNotMatch(server.stderr(), /"level":[456]0/);
  });

  test("is the program's main module, also as CommonJS", async (t) => {
    const { url } = await serve(t, fixture("main.cts"), ["-t", "1"]);
    assert.deepEqual(await answer(url, "/"), [true, true]);
  });

  for (const [type, code] of [
    [
      undefined,
      `if (require.main === module) require("node:http").createServer((req, res) => res.end("main")).listen(1);`,
    ],
    [
      "module",
      `if (import.meta.main) (await import("node:http")).createServer((req, res) => res.end("main")).listen(1);`,
    ],
  ] as const)
    test(`is the main module also without an extension, as bin/www (type ${type})`, async (t) => {
      const files = { "package.json": JSON.stringify({ type }), "bin/www": `#!/usr/bin/env node\n${code}` };
      const { url } = await serve(t, join(tempFolder(t, files), "bin/www"), ["-t", "1"]);
      assert.equal((await get(url)).body, "main");
    });

  for (const shape of [
    ["-w", "2"],
    ["-t", "2"],
    ["-m", "threads"],
  ]) {
    for (const type of [undefined, "commonjs"]) {
      test(`is compiled by a hook of --require (${shape.join(" ")}, type ${type})`, async (t) => {
        const folder = tempFolder(t, {
          "package.json": JSON.stringify({ type }),
          "greeting.ts": 'export const greeting: string = "hello";',
          "app.ts": `import { greeting } from "./greeting";
enum Answer { Yes = 1 }
export default (req: unknown, res: any) => res.end([greeting, Answer.Yes, typeof require].join(" "));`,
        });
        const env = { NODE_OPTIONS: `--require ${fixture("register.cjs")}` };
        const server = await serve(t, join(folder, "app.ts"), shape, { env });
        assert.equal((await get(server.url)).body, "hello 1 function");
        assert.doesNotMatch(server.output(0), /Reparsing/);
      });
    }
  }

  test("is loaded with its preloads once, and its handler threads as well, and nobody else", async (t) => {
    const config = `export default { routes: { "GET /main": { model: "threads", threads: 2 } } };`;
    const cwd = tempFolder(t, { "heddle.config.ts": config });
    const env = { NODE_OPTIONS: `--import ${fixture("preload.mjs")}` };
    const server = await serve(t, app, ["-t", "1", "-w", "1"], { cwd, env });
    const { workers } = await server.status();
    const loaded = await preloaded(server, 3);
    const { pid } = workers[0]!;
    assert.deepEqual(loaded.map(([, where, , name]) => `${where} ${name}`).toSorted(), [
      `${pid} `,
      `${pid} heddle handler thread 1 of GET /main`,
      `${pid} heddle handler thread 2 of GET /main`,
    ]);
  });
});

describe("what Node loads before an app on threads", { concurrency: 2 }, () => {
  for (const [shape, threads] of [
    [
      ["-t", "2"],
      ["heddle serving thread 0", "heddle serving thread 1"],
    ],
    [
      ["--model", "threads", "-t", "1"],
      ["heddle handler thread 1 of threads", "heddle serving thread 0"],
    ],
  ] as const) {
    for (const where of ["NODE_OPTIONS", "the start script"]) {
      test(`is loaded once by each, and not by the acceptor: ${where} (${shape.join(" ")})`, async (t) => {
        const preload = `--import ${fixture("preload.mjs")}`;
        const script = where === "NODE_OPTIONS" ? "node app.mjs" : `node --conditions=shop ${preload} app.mjs`;
        const cwd = tempFolder(t, {
          "package.json": JSON.stringify({ scripts: { start: script } }),
          "app.mjs": "export default (_, res) => res.end(JSON.stringify(process.env.NODE_OPTIONS ?? null));",
        });
        const env = where === "NODE_OPTIONS" ? { NODE_OPTIONS: `${preload} --no-warnings` } : {};
        const server = await startServer(undefined, ["-w", "1", ...shape], { cwd, env });
        t.after(() => server.stop());
        const loaded = await preloaded(server, threads.length);
        assert.deepEqual(loaded.map(([, , , name = ""]) => name).toSorted(), threads);
        const options = (await (await fetch(server.url)).json()) as string | null;
        assert.equal(options?.trim() ?? "", where === "NODE_OPTIONS" ? env.NODE_OPTIONS : "");
      });
    }
  }
});

test("handler threads beside a main thread have all of the options of Node that it has", async (t) => {
  const cwd = tempFolder(t, {
    "package.json": JSON.stringify({
      type: "module",
      imports: { "#shop": { north: "./north.js", default: "./south.js" } },
      scripts: { start: "node --max-old-space-size=200 --conditions=north --require ./pre.cjs app.js" },
    }),
    "pre.cjs": "globalThis.isPreloaded = true;",
    "north.js": 'export default "north";',
    "south.js": 'export default "south";',
    "app.js": `
import shop from "#shop";
export const routes = { "/threads": { model: "threads" }, "/tasks": { model: "tasks" }, "/fresh": { model: "thread-per-request" } };
export default (_, res) => res.end(shop + " " + globalThis.isPreloaded);
`,
  });
  const server = await startServer(undefined, ["-w", "1"], { cwd });
  t.after(() => server.stop());
  for (const path of ["/", "/threads", "/tasks", "/fresh", "/fresh"]) {
    assert.equal(await (await fetch(`${server.url}${path}`)).text(), "north true", path);
  }
});

describe("an app on a thread", { concurrency: 2 }, () => {
  for (const flags of [
    ["-t", "2"],
    ["-m", "threads", "-t", "1"],
  ]) {
    test(`is told by name what only a process can (${flags.join(" ")})`, async (t) => {
      const { url } = await serve(t, app, [...flags, "--", "--its-own"]);
      const [isMain, , argv, sent, connected] = (await answer(url, "/main")) as unknown[];
      assert.deepEqual([isMain, argv, sent, connected], [false, [app, "--its-own"], true, false]);
      assert.equal(await answer(url, "/chdir-here"), "done");
      for (const path of ["/chdir", "/umask", "/setuid"]) {
        const [code, hint] = (await answer(url, path)) as string[];
        assert.equal(code, "APP_NEEDS_PROCESS", path);
        assert.match(hint!, /--threads 1/);
      }
    });
  }
});

describe("an app that forks itself with node:cluster", { concurrency: 2 }, () => {
  for (const name of ["forks.mjs", "forks.cjs"]) {
    for (const threads of ["1", "2"]) {
      test(`is told to leave that to --workers (${name}, --threads ${threads})`, async () => {
        const { code, stderr } = await runHeddle(["serve", fixture(name), "-p", "0", "-t", threads]);
        assert.equal(code, 1);
        assert.match(stderr, /starts processes with node:cluster[^]*--workers N/);
      });
    }
  }
});

describe("a program that an app starts", { concurrency: 2, skip: process.platform !== "linux" }, () => {
  for (const flags of [
    ["-w", "2", "-t", "1"],
    ["-w", "1", "-t", "2"],
    ["-w", "2", "-t", "2"],
    ["-m", "sync", "-w", "2"],
    ["-m", "threads", "-t", "2"],
  ]) {
    test(`inherits no listening socket, and no other client's connection (${flags.join(" ")})`, async (t) => {
      const server = await serve(t, fixture("child.ts"), flags);
      const clients = [];
      // Under sync a worker has one connection.
      for (let i = 0; i < (flags.includes("sync") ? 1 : 30); i++) {
        const client = await RawConnection.open(server.port);
        t.after(() => client.destroy());
        clients.push(client.request("GET / HTTP/1.1").response());
      }
      await Promise.all(clients);
      for (let i = 0; i < 4; i++) assert.deepEqual(await answer(server.url, "/child"), []);
    });
  }
});

describe("an app that fails in the middle of its onStart", { concurrency: 2 }, () => {
  for (const threads of ["1", "2"]) {
    for (const [what, code] of [
      ["throws later", 'setTimeout(() => { throw new Error("no database"); }, 10)'],
      ["leaves a rejection", 'Promise.reject(new Error("no database"))'],
    ] as const) {
      test(`does not boot when it ${what} (--threads ${threads})`, async (t) => {
        const app = `export async function onStart() { ${code}; await new Promise((resolve) => setTimeout(resolve, 500)); }
export default (req, res) => res.end("ok");`;
        const file = join(tempFolder(t, { "app.mjs": app }), "app.mjs");
        const { code: exit, stderr } = await runHeddle(["serve", file, "-p", "0", "-t", threads, "--control", "off"]);
        assert.equal(exit, 1);
        assert.match(
          stderr,
          /app\.mjs:1: an error that nothing caught ended the app while it was loading\. Error: no database/,
        );
      });
    }
  }
});
