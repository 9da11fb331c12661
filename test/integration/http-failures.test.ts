import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { serve, tempFolder, until } from "../server/arbiter/support.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { startServer, type TestServer } from "../support/server.ts";

const app = new URL("../fixtures/http/semantics.ts", import.meta.url).pathname;

/** On a worker's main thread; of other threads it is in test/contracts/containment.test.ts. */
describe("an error that no handler could catch", () => {
  let server: TestServer;
  before(async () => {
    // Connections are idle, and one request is held, while a worker boots.
    const patient = ["--timeout", "0", "--keep-alive", "2m", "--limit-keep-alive", "0"];
    server = await startServer(app, ["--threads", "1", ...patient]);
  });
  after(() => server[Symbol.asyncDispose]());
  const replaced = /the worker is replaced/;
  /** Which worker answers a new connection. */
  const place = async (): Promise<string> =>
    await (await fetch(`${server.url}/`, { headers: { connection: "close" } })).text();

  const causes: [path: string, what: string, secret: string][] = [
    ["/timer-throws", "thrown in a timer", "in a timer"],
    ["/event-throws", "thrown in an event", "in an event"],
    ["/rejection", "a rejection nobody handles", "a rejection"],
    ["/emits-error", "an error event nobody listens to", "an error event"],
  ];
  for (const [path, what, secret] of causes) {
    test(`(${what}) is its own request's 500; its neighbours are answered, and then the worker is replaced`, async () => {
      const mark = server.mark();
      await using neighbour = await RawConnection.open(server.port);
      neighbour.request("GET /hold HTTP/1.1");
      await using releaser = await RawConnection.open(server.port);
      await releaser.request("GET / HTTP/1.1").response();
      await using client = await RawConnection.open(server.port);
      const before = (await client.request("GET / HTTP/1.1").response()).body;
      const { status, body } = await client.request(`GET ${path} HTTP/1.1`).response();
      assert.deepEqual([status, body], [500, "500 Internal Server Error\n"]);
      await server.waitForLog(new RegExp(secret), mark);
      await server.waitForLog(replaced, mark);

      // Its replacement takes the new connections; the old one keeps those it has until they are done.
      await until(async () => (await place()) !== before, "the replacement to serve");
      await releaser.request("GET /release HTTP/1.1").response();
      assert.equal((await neighbour.response()).body, "released");
      assert.doesNotMatch(server.output(mark), /serving thread \d+ died/);
    });
  }

  test("what is replaced answers what its connections still ask, closes them, and begins no WebSocket", async () => {
    const mark = server.mark();
    await using asking = await RawConnection.open(server.port);
    const before = (await asking.request("GET / HTTP/1.1").response()).body;
    await using upgrading = await RawConnection.open(server.port);
    await upgrading.request("GET / HTTP/1.1").response();
    await fetch(`${server.url}/timer-throws`);
    await server.waitForLog(replaced, mark);
    await until(async () => (await place()) !== before, "the replacement to serve");

    // It is told to leave a moment after its replacement serves.
    const last = await until(async () => {
      const answer = await asking.request("GET / HTTP/1.1").response();
      return answer.headers["connection"] === "keep-alive" ? undefined : answer;
    }, "the last answer");
    assert.deepEqual([last.body, last.headers["connection"]], [before, "close"]);
    await asking.ended();
    upgrading.request("GET / HTTP/1.1", [
      "upgrade: websocket",
      "connection: upgrade",
      "sec-websocket-version: 13",
      "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    ]);
    const refused = await upgrading.response();
    assert.deepEqual([refused.status, refused.headers["connection"]], [503, "close"]);
    await upgrading.ended();
  });
});

/** Each ends its own connection with an error, while its client still sends the body. */
const breaksOff = `
import { pipeline, Readable } from "node:stream";
const breaks = {
  "/pipeline": (req, res) => pipeline(new Readable({ read() { this.destroy(new Error("own")); } }), res, () => {}),
  "/request": (req) => req.destroy(new Error("own")),
  "/response": (req, res) => res.destroy(new Error("own")),
  "/socket": (req) => req.socket.destroy(new Error("own")),
};
export default (req, res) => {
  req.on("error", (error) => console.log(req.url + " failed: " + (error.code ?? error.message)));
  req.once("data", () => breaks[req.url](req, res));
};`;

describe("an app that breaks off a request with an error of its own", { concurrency: 2 }, () => {
  for (const flags of [
    ["-t", "1"],
    ["-t", "2"],
    ["-m", "sync"],
    ["-m", "actors"],
    ["-m", "threads"],
    ["-m", "tasks"],
  ])
    test(`is not told that its client has sent no HTTP, nor is the operator (${flags.join(" ")})`, async (t) => {
      const file = join(tempFolder(t, { "app.mjs": breaksOff }), "app.mjs");
      const server = await serve(t, file, ["-w", "1", "--access-log", ...flags]);
      for (const path of ["/pipeline", "/request", "/response", "/socket"]) {
        await using client = await RawConnection.open(server.port);
        client.request(`POST ${path} HTTP/1.1`, ["content-length: 10"], "begun");
        const expected = path === "/request" ? "own" : "ECONNRESET";
        assert.equal((await server.waitForLog(new RegExp(`${path} failed: (.*)`)))[1], expected, path);
        const [line] = await server.waitForLog(new RegExp(`.*"url":"${path}".*"msg":"request"`));
        const { status, refusal } = JSON.parse(line + "}") as Record<string, unknown>;
        assert.deepEqual({ status, refusal }, { status: 499, refusal: undefined }, path);
      }
    });
});
