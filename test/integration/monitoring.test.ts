/**
 * What an instrumentation sees that wraps `emit` of node:http's servers and subscribes to node:http's channels: each request
 * that the app gets exactly once, on the thread that runs its handler, in a context of its own. On every model and shape.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ask, assertContext, assertWhole, fixture, monitored, type Monitored } from "../support/monitored.ts";

const MODELS = ["loop", "threads", "fresh"];

/** Concurrent and consecutive requests under each of these first parts of a path. */
async function exercise(server: Monitored, models: readonly string[]): Promise<void> {
  for (const model of models) {
    const path = `/${model}/look`;
    const many = await Promise.all(
      (["run", "enter", "none", "run", "enter", "none"] as const).map(async (context) => {
        const asked = await ask(
          server,
          path,
          context,
          context === "run" ? { method: "POST", body: "x".repeat(100_000) } : {},
        );
        return { asked, context };
      }),
    );
    for (const context of ["enter", "none", "run", "none"] as const)
      many.push({ asked: await ask(server, path, context), context });
    for (const { asked, context } of many) {
      assertContext(asked, context === "none" ? null : asked.id);
      const seen = await server.seenOf(asked.id);
      assertWhole(seen, { url: `${path}?id=${asked.id}`, status: 200, protocol: "http", port: server.port });
    }
    const failed = await ask(server, `/${model}/reject`, "run");
    assert.equal(failed.status, 500);
    assertWhole(await server.seenOf(failed.id), { status: 500 });
    const head = await ask(server, path, "run", { method: "HEAD" });
    assertWhole(await server.seenOf(head.id), { method: "HEAD", status: 200 });
  }
}

describe("an instrumentation sees each request once, in a context of its own", { concurrency: 2 }, () => {
  for (const shape of ["listener", "server", "self-listening", "express", "koa", "fastify", "nest", "hono", "fetch"]) {
    test(`${shape}, on two serving threads and on handler threads`, async (t) => {
      const server = await monitored(t, shape, ["--workers", "1", "--threads", "2"]);
      await exercise(server, MODELS);
      assert.ok(
        server.all().every(({ id }) => id !== null),
        "nothing but the requests was seen",
      );
    });
  }

  test("loaded by the first line of the app", async (t) => {
    const env = { FIRST_LINE: "", NODE_OPTIONS: "" };
    await exercise(await monitored(t, "server", ["--workers", "1", "--threads", "1"], env), MODELS);
  });

  for (const shape of ["self-listening", "express", "fetch"]) {
    test(`${shape}, on main threads`, async (t) => {
      const server = await monitored(t, shape, ["--workers", "2", "--threads", "1"], {
        NODE_OPTIONS: `--import=${fixture("instrument.cjs")}`,
      });
      await exercise(server, MODELS);
    });

    test(`${shape}, under sync`, async (t) => {
      const server = await monitored(t, shape, ["--workers", "2", "--model", "sync"], { WITHOUT_ROUTES: "" });
      await exercise(server, ["sync"]);
    });
  }
});
