/** If a model can't take WebSockets, that is logged at start: by `heddle check`, and by `heddle serve` before it listens. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { WebSocket } from "ws";
import { runHeddle, startServer, type TestServer } from "../support/server.ts";

const app = new URL("../fixtures/mixed/sockets.ts", import.meta.url).pathname;

/** What a WebSocket client gets: the app's first message, or the status that refuses it. */
async function connect(server: TestServer, path: string): Promise<string | number> {
  const socket = new WebSocket(`${server.url.replace("http", "ws")}${path}`);
  const refused = once(socket, "unexpected-response").then(([, { statusCode }]) => statusCode as number);
  const greeted = once(socket, "message").then(([data]) => String(data));
  // The other one never comes, or comes to nothing.
  refused.catch(() => {});
  greeted.catch(() => {});
  try {
    return await Promise.race([refused, greeted]);
  } finally {
    socket.on("error", () => {});
    socket.terminate();
  }
}

function told(names: string, why: string): RegExp {
  return new RegExp(`takes WebSockets or other upgrades, but their clients get 501 on ${names}: ${why}`);
}

const noConnection = "a handler thread gets the request, but not its connection\\.";
const advice = ` Give the WebSocket's own route the model loop\\.$`;

describe("an app that takes WebSockets", { concurrency: 3 }, () => {
  for (const [model, why] of [
    ["threads", noConnection + advice],
    ["thread-per-request", noConnection + advice],
    ["sync", "under the model sync a connection ends with its one response"],
  ] as const) {
    test(`is warned at start under ${model}, and by heddle check`, async () => {
      const check = await runHeddle(["check", app, "--model", model]);
      assert.equal(check.code, 0, check.stderr);
      assert.match(check.stdout, new RegExp(`^warning  .*${told('"\\*"', why).source}`, "m"));
      await using server = await startServer(app, ["--model", model]);
      const line =
        server
          .stderr()
          .split("\n")
          .find((text) => text.includes("WebSockets")) ?? "{}";
      const { level, msg } = JSON.parse(line) as { level: number; msg: string };
      assert.equal(level, 40);
      assert.match(msg, told('"\\*"', why));
      assert.equal(await connect(server, "/"), 501);
    });
  }

  test("is warned at start too when it takes them only since onStart", async () => {
    await using server = await startServer(app, ["--model", "threads"], { env: { LATE: "yes" } });
    assert.match(server.stderr(), /"level":40,[^\n]*takes WebSockets/);
  });

  test("is told of routes that can't, and served on those that can", async () => {
    const env = {
      ROUTES: JSON.stringify({ "GET /report/:id": { model: "threads" }, "POST /in": { model: "threads" } }),
    };
    const check = await runHeddle(["check", app], { env });
    assert.match(check.stdout, new RegExp(`^note     .*${told('"GET /report/:id"', `${noConnection}$`).source}`, "m"));
    await using server = await startServer(app, [], { env });
    assert.match(server.stderr(), /"level":30,[^\n]*takes WebSockets/);
    assert.equal(await connect(server, "/report/1"), 501);
    assert.equal(await connect(server, "/"), "hello");
  });

  test("may give the WebSocket's own route the model loop, as the warning says", async () => {
    const env = { ROUTES: JSON.stringify({ "/ws": { model: "loop" } }) };
    await using server = await startServer(app, ["--model", "threads", "--threads", "1"], { env });
    assert.match(server.stderr(), /"level":30,[^\n]*takes WebSockets/);
    assert.equal(await connect(server, "/ws"), "hello");
    assert.equal(await connect(server, "/other"), 501);
  });

  test("is told nothing where all its routes can", async () => {
    const check = await runHeddle(["check", app]);
    assert.doesNotMatch(check.stdout, /WebSockets/);
    await using server = await startServer(app, ["--threads", "1"]);
    assert.doesNotMatch(server.stderr(), /WebSockets/);
    assert.equal(await connect(server, "/"), "hello");
  });
});
