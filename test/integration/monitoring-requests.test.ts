/** What an instrumentation sees of requests that are refused, wait, fail, or leave HTTP. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { makeCertificate, tempFolder } from "../server/arbiter/support.ts";
import { ask, askTls, assertContext, assertWhole, monitored, type Seen, WHOLE } from "../support/monitored.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { runHeddle } from "../support/server.ts";

describe("an instrumentation sees of special requests", { concurrency: 2 }, () => {
  const single = ["--workers", "1", "--threads", "1"];
  const what = (seen: readonly Seen[]): string[] => seen.map((each) => each.what);

  test("nothing of what heddle refuses, or asks itself", async (t) => {
    const control = join(tempFolder(t), "control");
    const server = await monitored(t, "listener", [...single, "--control", control]);
    assert.equal((await runHeddle(["status", "--control", control])).code, 0);
    const holding = ask(server, "/full/hold", "run");
    await server.waitForLog(/"request".*\/full\/hold/);
    const shed = await ask(server, "/full/look", "run");
    assert.equal(shed.status, 503);
    await using connection = await RawConnection.open(server.port);
    connection.request("GET /loop/look?id=expects HTTP/1.1", ["expect: the-moon"]);
    assert.equal((await connection.response()).status, 417);
    await using hostless = await RawConnection.open(server.port);
    hostless.write("GET /loop/look?id=hostless HTTP/1.1\r\n\r\n");
    assert.equal((await hostless.response()).status, 400);
    await ask(server, "/loop/release", "none");
    await server.seenOf((await holding).id);
    assert.deepEqual(
      [...new Set(server.all().map(({ url }) => url?.split("?")[0]))],
      [undefined, "/full/hold", "/loop/release"],
    );
  });

  test("requests that waited at a gate or behind others of their connection: their own contexts", async (t) => {
    const server = await monitored(t, "listener", single);
    const holding = ask(server, "/queued/hold", "enter");
    await server.waitForLog(/"request".*\/queued\/hold/);
    const waiting = [
      ask(server, "/queued/look", "run"),
      ask(server, "/queued/look", "none"),
      ask(server, "/queued/look", "enter"),
    ];
    await using connection = await RawConnection.open(server.port);
    connection.request("POST /loop/hold?id=first HTTP/1.1", ["x-context: enter", "content-length: 0"]);
    connection.request("GET /loop/look?id=second HTTP/1.1", []);
    connection.request("POST /loop/look?id=third HTTP/1.1", ["x-context: run", "content-length: 1"], "x");
    await server.waitForLog(/"request".*id=first/);
    const released = await ask(server, "/loop/release", "run");
    const [run, none, enter] = await Promise.all(waiting);
    for (const asked of [await holding, run!, enter!, released]) assertContext(asked, asked.id);
    assertContext(none!, null);
    for (const [id, context] of [
      ["first", "first"],
      ["second", null],
      ["third", "third"],
    ] as const) {
      const { status, body: text } = await connection.response();
      assertContext({ id, status, text }, context);
      assertWhole(await server.seenOf(id), { status: 200 });
    }
  });

  for (const path of ["/loop", "/threads"]) {
    test(`a client that leaves: the response closes and is not complete (${path})`, async (t) => {
      const server = await monitored(t, "listener", single);
      await using connection = await RawConnection.open(server.port);
      connection.request(`GET ${path}/never?id=left HTTP/1.1`);
      await server.waitForLog(/"request".*id=left/);
      connection.destroy();
      const seen = await server.seenOf("left");
      assert.deepEqual(what(seen), ["response.created", "request.start", "request", "close"]);
      assert.equal(seen.at(-1)!.isComplete, false);
    });
  }

  for (const path of ["/brief", "/brief-threads"]) {
    test(`a request that takes too long: the status that its client gets (${path})`, async (t) => {
      const server = await monitored(t, "listener", single);
      const asked = await ask(server, `${path}/never`, "run");
      assert.equal(asked.status, 504);
      assertWhole(await server.seenOf(asked.id), { status: 504 });
    });
  }

  for (const path of ["/loop", "/threads"]) {
    test(`what a handler throws at once (${path})`, async (t) => {
      const server = await monitored(t, "listener", single);
      const asked = await ask(server, `${path}/throw`, "run");
      assert.equal(asked.status, 500);
      const seen = await server.seenOf(asked.id);
      assertWhole(seen, { status: 500 }, WHOLE.toSpliced(3, 0, "thrown"));
      assert.equal(seen.find((each) => each.what === "thrown")!.message, "thrown");
    });

    test(`Expect: 100-continue, as the app handles it (${path})`, async (t) => {
      for (const shape of ["listener", "upgrades"]) {
        const server = await monitored(t, shape, single);
        await using connection = await RawConnection.open(server.port);
        const lines = ["x-context: run", "expect: 100-continue", "content-length: 1"];
        connection.request(`POST ${path}/look?id=expects HTTP/1.1`, lines);
        assert.equal((await connection.response()).status, 100);
        connection.write("x");
        const { status, body: text } = await connection.response();
        assertContext({ id: "expects", status, text }, "expects");
        const seen = await server.seenOf("expects");
        if (shape === "listener") assertWhole(seen, { method: "POST", status: 200 });
        else
          assert.deepEqual(
            what(seen).filter((each) => !/finish|close/.test(each)),
            [...WHOLE.slice(0, 2), "checkContinue", "request"],
          );
      }
    });
  }

  test("an upgrade: once, and no request", async (t) => {
    const server = await monitored(t, "upgrades", ["--workers", "1", "--threads", "2"]);
    await using connection = await RawConnection.open(server.port);
    connection.request("GET /loop/look?id=upgraded HTTP/1.1", ["connection: upgrade", "upgrade: own"]);
    assert.equal((await connection.response()).status, 101);
    await connection.ended();
    // A thread's output takes its time.
    await server.waitForLog(/^seen .*"id":"upgraded"/m);
    const seen = server.all().filter(({ id }) => id === "upgraded");
    assert.deepEqual(what(seen), ["upgrade"]);
  });

  test("heddle's TLS: an https server", async (t) => {
    const { cert, key } = makeCertificate(tempFolder(t), "localhost");
    const server = await monitored(t, "server", [...single, "--tls-cert", cert, "--tls-key", key]);
    for (const path of ["/loop", "/threads"]) {
      const id = `tls${path}`;
      const { status, text } = await askTls(server.port, `${path}/look?id=${id}`);
      assertContext({ id, status, text }, id);
      assertWhole(await server.seenOf(id), { status: 200, protocol: "https", port: server.port });
    }
  });
});
