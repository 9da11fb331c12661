/** What preloaded modules and the app's own loading may leave behind on a thread, and what they may not. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { tempFolder } from "../server/arbiter/support.ts";
import { ask, assertWhole, fixture, monitored } from "../support/monitored.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { startServer } from "../support/server.ts";

describe("no request inherits a context", { concurrency: 2 }, () => {
  const setups: readonly (readonly string[])[] = [
    ["--threads", "1"],
    ["--threads", "2"],
    ["--model", "sync"],
  ];
  for (const args of setups) {
    test(`from the app's loading, its start or another request, with ${args.join(" ")}`, async (t) => {
      const isSync = args.includes("sync");
      const server = await startServer(fixture("careless.cjs"), ["--workers", "1", ...args], {
        env: isSync ? { WITHOUT_ROUTES: "" } : {},
      });
      t.after(() => server.stop());
      for (const path of isSync ? ["/"] : ["/", "/threads/", "/fresh/"]) {
        const texts = [1, 2, 3].map(async (i) => await (await fetch(`${server.url}${path}${i}`)).text());
        assert.deepEqual(await Promise.all(texts), ["undefined", "undefined", "undefined"], path);
        assert.equal(await (await fetch(`${server.url}${path}4`)).text(), "undefined", path);
      }
      await using connection = await RawConnection.open(server.port);
      connection.request("GET /5 HTTP/1.1").request("GET /6 HTTP/1.1");
      assert.equal((await connection.response()).body, "undefined");
      if (!isSync) assert.equal((await connection.response()).body, "undefined");
    });
  }
});

describe("a preloaded module sees the arguments of the app", { concurrency: 2 }, () => {
  const shapes = [
    ["--threads", "1"],
    ["--threads", "2"],
    ...["sync", "threads", "thread-per-request", "tasks"].map((model) => ["--model", model]),
  ];
  for (const shape of shapes) {
    test(`with ${shape.join(" ")}`, async (t) => {
      const folder = tempFolder(t, {
        "pre.cjs": "globalThis.seen = process.argv.slice(2);",
        "app.mjs": "export default (_, res) => res.end(JSON.stringify([seen, process.argv.slice(2)]));",
      });
      const args = ["--workers", "1", ...shape, "--", "conf=.env.shop", "-x"];
      const server = await startServer(join(folder, "app.mjs"), args, {
        env: { NODE_OPTIONS: `--require=${join(folder, "pre.cjs")}` },
      });
      t.after(() => server.stop());
      const given = ["conf=.env.shop", "-x"];
      assert.deepEqual(await (await fetch(server.url)).json(), [given, given]);
    });
  }
});

describe("a listener that only reports uncaught exceptions", { concurrency: 2 }, () => {
  for (const [path, threads, replaced] of [
    ["/loop", "1", /is recycled/],
    ["/loop", "2", /is replaced/],
    ["/threads", "1", /handler thread .* (?:is replaced|uncaught)/],
  ] as const) {
    test(`leaves them to heddle: ${path}, with --threads ${threads}`, async (t) => {
      const server = await monitored(t, "listener", ["--workers", "1", "--threads", threads], {
        NODE_OPTIONS: `--require=${fixture("instrument.cjs")} --require=${fixture("reporter.cjs")}`,
      });
      const asked = await ask(server, `${path}/crash`, "run");
      assert.equal(asked.status, 500);
      assertWhole(await server.seenOf(asked.id), { status: 500 });
      await server.waitForLog(/^reported crashed$/m);
      await server.waitForLog(replaced);
    });
  }
});

describe("hooks of a preloaded module change what the app imports", { concurrency: 2 }, () => {
  const preload = `--import=${fixture("hooks.mjs")}`;
  const ways: readonly (readonly [name: string, env: Readonly<Record<string, string>>])[] = [
    ["registerHooks", { SYNC: "", NODE_OPTIONS: preload }],
    ["register", { NODE_OPTIONS: `${preload} --disable-warning=DEP0205` }],
    [
      "--experimental-loader",
      { NODE_OPTIONS: `--experimental-loader=${fixture("loader.mjs")} --disable-warning=ExperimentalWarning` },
    ],
  ];
  for (const [name, env] of ways) {
    test(`on main, serving and handler threads, with ${name}`, async (t) => {
      for (const [threads, where] of [
        ["1", "main"],
        ["2", "other"],
      ] as const) {
        const server = await startServer(fixture("hooked.mjs"), ["--workers", "1", "--threads", threads], { env });
        t.after(() => server.stop());
        const ask = async (path: string): Promise<string> => await (await fetch(`${server.url}${path}`)).text();
        assert.deepEqual(
          [await ask("/"), await ask("/threads"), await ask("/fresh")],
          [`changed ${where}`, "changed other", "changed other"],
        );
        assert.doesNotMatch(server.stderr(), /Warning/);
      }
    });
  }
});
