/** Another spelling of a path keeps its route, and with it the route's model, limit and timeout. */

import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { type LifeServer, serve, tempFolder, until } from "../server/arbiter/support.ts";
import { RawConnection, type RawResponse } from "../support/raw-connection.ts";
import { runHeddle } from "../support/server.ts";

const appOf = (shape: string): string => fileURLToPath(new URL(`../fixtures/routing/${shape}.ts`, import.meta.url));

/** An exact route: it has a limit. */
const reports = (model: string): readonly string[] => [
  `/${model}/report`,
  `/${model}/%72ep%6Frt`,
  `/x/../${model}/./report`,
  `/${model}/x/%2E%2e/report`,
  `/${model}\\report`,
  `http://elsewhere/${model}/x/../report`,
];

/** A pattern: it has a time limit. */
const items = (model: string): readonly string[] => [
  `/${model}/items/7`,
  `/${model}/%69t%65ms/%zz`,
  `/${model}/x/../items/7`,
  `/${model}\\items/a%2Fb`,
  `http://elsewhere/${model}/items/7`,
];

async function ask(port: number, target: string): Promise<RawResponse> {
  await using client = await RawConnection.open(port);
  return await client.request(`GET ${target} HTTP/1.1`, ["connection: close"]).response();
}

interface Held extends LifeServer {
  release(): void;
}

async function serveHeld(t: TestContext, shape: string, args: readonly string[], env = {}): Promise<Held> {
  const gate = join(tempFolder(t), "closed");
  writeFileSync(gate, "");
  const options = { env: { GATE: gate, ...env } };
  const server = await serve(t, appOf(shape), ["--debug-headers", "--access-log", ...args], options);
  const release = (): void => rmSync(gate, { force: true });
  t.after(release);
  return { ...server, release };
}

/** The routes of the access log, in order, when there are as many. */
function routesLogged(server: LifeServer, count: number): Promise<readonly string[]> {
  return until(() => {
    const requests = [...server.output(0).matchAll(/^.*"msg":"request".*$/gm)];
    return requests.length < count
      ? undefined
      : requests.map(([line]) => (JSON.parse(line) as { route: string }).route);
  }, `${count} lines of the access log`);
}

describe("a path written in another way", { concurrency: 2 }, () => {
  for (const shape of ["listener", "fetch", "express"]) {
    test(`keeps the model of its route (${shape})`, async (t) => {
      const server = await serveHeld(t, shape, ["-t", "1"]);
      const expected: string[] = [];
      for (const model of ["loop", "threads", "thread-per-request"]) {
        for (const target of [...reports(model), ...items(model)]) {
          const { status, headers, body } = await ask(server.port, target);
          assert.deepEqual([status, headers["x-heddle-model"]], [200, model], target);
          // The app gets the path as it was sent, also of a target that is a whole URL.
          if (shape === "listener") assert.equal(body, target.replace(/^http:\/\/[^/]*/, ""));
        }
        expected.push(...reports(model).map(() => `GET /${model}/report`));
        expected.push(...items(model).map(() => `GET /${model}/it%65ms/:id`));
      }
      const outside = await ask(server.port, "/threads%2Freport");
      assert.equal(outside.headers["x-heddle-model"], "loop");
      assert.deepEqual(await routesLogged(server, expected.length + 1), [...expected, "*"]);
    });
  }

  for (const model of ["loop", "threads", "thread-per-request"]) {
    test(`keeps the limit of its route (${model})`, async (t) => {
      const server = await serveHeld(t, "listener", ["-t", "1", "--queue-timeout", "100ms"]);
      const [path, ...others] = reports(model);
      const held = ask(server.port, `${others[0]!}?held`);
      await server.waitForStatus(({ models }) => models[model]?.inFlight === 1);
      const refused = await Promise.all([path!, ...others].map((target) => ask(server.port, target)));
      server.release();
      assert.deepEqual(
        refused.map(({ status }) => status),
        refused.map(() => 503),
      );
      assert.equal((await held).status, 200);
    });

    test(`keeps the timeout of its route (${model})`, async (t) => {
      const server = await serveHeld(t, "listener", ["-t", "1"]);
      for (const target of items(model)) assert.equal((await ask(server.port, `${target}?held`)).status, 504, target);
    });
  }

  test("keeps its route and its timeout in a server with --model sync", async (t) => {
    const server = await serveHeld(t, "listener", ["--model", "sync"], { ONE_MODEL: "1" });
    for (const target of items("one")) assert.equal((await ask(server.port, `${target}?held`)).status, 504, target);
    server.release();
    const targets = [...reports("one"), ...items("one")];
    for (const target of targets) assert.equal((await ask(server.port, target)).status, 200, target);
    const routes = await routesLogged(server, items("one").length + targets.length);
    assert.equal(routes.includes("*"), false, routes.join(", "));
  });

  test("is the same route where the configuration says something of it", async (t) => {
    const routes = { "GET /%74hreads/report": { model: "thread-per-request" } };
    const cwd = tempFolder(t, { "heddle.config.ts": `export default { routes: ${JSON.stringify(routes)} };\n` });
    const server = await serve(t, appOf("listener"), ["-t", "1", "--debug-headers"], { cwd, env: { GATE: "none" } });
    const { headers } = await ask(server.port, "/threads/report");
    assert.equal(headers["x-heddle-model"], "thread-per-request");
  });
});

describe("two routes that are one", { concurrency: 2 }, () => {
  for (const [where, files, app] of [
    ["the config file", { "heddle.config.ts": `export default { routes: { "/~a": {}, "/%7Ea": {} } };\n` }, undefined],
    [
      "the app",
      {
        "app.ts": `export const routes = { "/~a": {}, "/%7Ea": {} };\nexport default { fetch: () => new Response() };\n`,
      },
      "app.ts",
    ],
  ] as const) {
    test(`are told of at start (${where})`, async (t) => {
      const cwd = tempFolder(t, files);
      for (const command of ["check", "serve"]) {
        const run = await runHeddle([command, app ?? appOf("listener"), ...(command === "serve" ? ["-p", "0"] : [])], {
          cwd,
        });
        assert.notEqual(run.code, 0);
        assert.match(run.stderr, /"\/~a" and "\/%7Ea" are the same route, "\/~a"; expected one of them/);
      }
    });
  }
});

describe("an app whose router ignores more than the table of routes", { concurrency: 2 }, () => {
  const told = [
    /Express treats \/Report as \/report.*--route-case insensitive/,
    /treats \/report\/.*--route-trailing-slash ignore/,
  ];
  const settings = ["--route-case", "insensitive", "--route-trailing-slash", "ignore"];

  test("is warned of by heddle check, until the settings say the same", async () => {
    const run = await runHeddle(["check", appOf("express")]);
    assert.equal(run.code, 0);
    for (const line of told) assert.match(run.stdout, new RegExp(`^warning {2}.*${line.source}`, "m"));
    const agreed = await runHeddle(["check", appOf("express"), ...settings]);
    assert.doesNotMatch(agreed.stdout, /warning/);
    const plain = await runHeddle(["check", appOf("listener")]);
    assert.doesNotMatch(plain.stdout, /warning/);
  });

  test("is warned of at start, once for all workers and threads", async (t) => {
    const server = await serveHeld(t, "express", ["-w", "2", "-t", "2"]);
    const output = server.output(0);
    for (const line of told) assert.equal(output.match(new RegExp(line.source, "g"))?.length, 1, output);
  });

  test("keeps its requests on their routes with the settings", async (t) => {
    const server = await serveHeld(t, "express", ["-t", "1", ...settings]);
    assert.doesNotMatch(server.output(0), /Express treats/);
    for (const target of [
      "/threads/report",
      "/Threads/REPORT",
      "/threads/report/",
      "/threads/%52eport/?x",
      "/THREADS/items/7/",
    ]) {
      assert.equal((await ask(server.port, target)).headers["x-heddle-model"], "threads", target);
    }
  });
});
