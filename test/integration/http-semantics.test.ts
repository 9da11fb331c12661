import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { WebSocket } from "ws";
import { RawConnection } from "../support/raw-connection.ts";
import { startServer, type TestServer } from "../support/server.ts";

const app = new URL("../fixtures/http/semantics.ts", import.meta.url).pathname;

describe("the semantics of HTTP", () => {
  let server: TestServer;
  before(async () => {
    const flags = "--threads 1 --debug-headers --server-timing --access-log --log-format json --keep-alive 0";
    server = await startServer(app, flags.split(" "));
  });
  after(() => server[Symbol.asyncDispose]());

  const open = (): Promise<RawConnection> => RawConnection.open(server.port);

  async function logged(url: string): Promise<Readonly<Record<string, unknown>>> {
    const [line] = await server.waitForLog(new RegExp(`^\\{[^\\n]*"url":"${url}"[^\\n]*\\}$`, "m"));
    return JSON.parse(line) as Record<string, unknown>;
  }

  test("trailers go both ways", async () => {
    await using client = await open();
    client.request("POST /trailers HTTP/1.1", ["transfer-encoding: chunked"], "4\r\nbody\r\n0\r\nx-sum: 42\r\n\r\n");
    const { body, trailers } = await client.response();
    assert.deepEqual([body, trailers["x-sum"]], ["body", "42"]);
  });

  test("early hints come before the response", async () => {
    await using client = await open();
    const hints = await client.request("GET /early-hints HTTP/1.1").response();
    assert.deepEqual([hints.status, hints.headers["link"]], [103, "</style.css>; rel=preload"]);
    assert.equal((await client.response()).body, "after the hints");
  });

  test("keep-alive 0 closes every connection after its response", async () => {
    await using client = await open();
    const { headers } = await client.request("GET / HTTP/1.1").response();
    assert.equal(headers["connection"], "close");
    await client.ended();
  });

  test("HTTP/1.0 is answered and its connection closed", async () => {
    await using client = await open();
    const { status } = await client.write("GET / HTTP/1.0\r\n\r\n").response();
    assert.equal(status, 200);
    await client.ended();
  });

  test("debug headers tell who served a request, also in a refusal", async () => {
    for (const [path, expected] of [["/", 200] as const, ["/briefly/x", 504] as const]) {
      const { status, headers } = await fetch(server.url + path, { headers: { "x-request-id": "mine-1" } });
      assert.equal(status, expected);
      assert.equal(headers.get("x-heddle-thread"), "0");
      assert.equal(headers.get("x-heddle-model"), "loop");
      assert.notEqual(Number(headers.get("x-heddle-worker")), server.pid);
      assert.equal(headers.get("x-request-id"), "mine-1");
    }
  });

  test("the server-timing header has the queue's and the handler's time, beside the app's own headers", async () => {
    const { status, headers } = await fetch(`${server.url}/in-parts`);
    assert.match(headers.get("server-timing") ?? "", /^queue;dur=\d+\.\d, handler;dur=\d+\.\d$/);
    assert.deepEqual([status, headers.get("x-custom"), headers.get("x-more")], [202, "1", "2"]);
  });

  test("the access log has a line for each request, with what became of it", async () => {
    await fetch(`${server.url}/in-parts?logged`, { headers: { "x-request-id": "logged-1" } });
    const line = await logged("/in-parts\\?logged");
    const { queueMs, handlerMs, time, level, pid, ...rest } = line;
    assert.ok([queueMs, handlerMs, time].every((value) => typeof value === "number" && value >= 0));
    assert.notEqual(level ?? pid, undefined);
    assert.deepEqual(rest, {
      id: "logged-1",
      method: "GET",
      url: "/in-parts?logged",
      status: 202,
      route: "*",
      model: "loop",
      thread: 0,
      msg: "request",
    });
  });

  test("the access log tells of a timeout by its route, and of a client that went away", async () => {
    await fetch(`${server.url}/briefly/logged`);
    const { route, status, refusal } = await logged("/briefly/logged");
    assert.deepEqual([route, status, refusal], ["/briefly/:name", 504, "HANDLER_TIMEOUT"]);

    await using client = await open();
    client.request("GET /left HTTP/1.1");
    await server.waitForLog(/left alone \/left/);
    client.destroy();
    const left = await logged("/left");
    assert.deepEqual([left["status"], left["clientGone"]], [499, true]);
  });

  test("a WebSocket carries messages of megabytes and of nothing, both ways", async () => {
    const socket = new WebSocket(server.url.replace("http", "ws"), { maxPayload: 0 });
    await once(socket, "open");
    for (const message of [randomBytes(5 * 1024 * 1024), Buffer.alloc(0), Buffer.from("small")]) {
      socket.send(message);
      const [echoed] = (await once(socket, "message")) as [Buffer];
      assert.ok(echoed.equals(message));
    }
    socket.close(1000);
    await once(socket, "close");
    await server.waitForLog(/socket closed 1000/);
  });

  test("a WebSocket client that vanishes is noticed", async () => {
    const mark = server.mark();
    const socket = new WebSocket(server.url.replace("http", "ws"));
    await once(socket, "open");
    socket.terminate();
    await server.waitForLog(/socket closed 1006/, mark);
  });
});
