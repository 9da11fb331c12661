/**
 * What every concurrency model must give an app, whichever way it runs the handlers. One server for each shape of app;
 * no case needs two requests to run at the same time, so that the models which run one at a time can pass too.
 */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { ModelName } from "../../src/models/model.ts";
import { RawConnection, type RawResponse } from "../support/raw-connection.ts";
import { startServer, type TestServer } from "../support/server.ts";

type Shape = "listener" | "express" | "fetch";

const settings = ["--limit-body", "0", "--debug-headers"];

/** What a model gives beyond what all do. */
interface Capabilities {
  /** Whether a connection takes another request after its response. */
  readonly keepsConnections: boolean;
}

/** `args`: what the model needs on the command line beside its name. */
export function modelContract(
  model: ModelName,
  args: readonly string[],
  can: Capabilities = { keepsConnections: true },
): void {
  describe(`the model ${model}`, { concurrency: true }, () => {
    for (const shape of ["listener", "express", "fetch"] as const) {
      describe(`with an app of the shape ${shape}`, { concurrency: 1 }, () => contract(model, shape, args, can));
    }
  });
}

function contract(model: ModelName, shape: Shape, args: readonly string[], can: Capabilities): void {
  let server: TestServer;
  before(async () => {
    const app = new URL(`../fixtures/http/contract-${shape}.ts`, import.meta.url).pathname;
    server = await startServer(app, ["--model", model, ...settings, ...args]);
  });
  after(() => server[Symbol.asyncDispose]());

  const open = (): Promise<RawConnection> => RawConnection.open(server.port);
  const get = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${server.url}${path}`, { signal: AbortSignal.timeout(30_000), ...init });
  /** The client's next request: on the connection that it has, or where that ends with its response, on another. */
  const askAgain = async (client: RawConnection, path: string): Promise<RawResponse> => {
    const request = `GET ${path} HTTP/1.1`;
    if (can.keepsConnections) return await client.request(request).response();
    await client.ended();
    await using next = await open();
    return await next.request(request).response();
  };
  let ids = 0;
  const nextId = (): string => `${shape}${++ids}`;

  test("runs the handler, under its own name", async () => {
    const response = await get("/hello");
    assert.equal(response.headers.get("x-heddle-model"), model);
    assert.equal(response.headers.get("content-type"), "text/plain");
    assert.equal(await response.text(), "hello");
  });

  test("hands over method, headers and body, and the answer's status, reason, headers and cookies", async () => {
    const echo = await get("/echo", { method: "PUT", body: "straight through", headers: { "content-type": "text/x" } });
    assert.equal(echo.headers.get("x-method"), "PUT");
    assert.equal(echo.headers.get("content-type"), "text/x");
    assert.equal(await echo.text(), "straight through");
    const headers = await get("/headers");
    assert.deepEqual([headers.status, headers.statusText, headers.headers.get("x-a")], [201, "Made Up", "1"]);
    assert.deepEqual(headers.headers.getSetCookie(), ["a=1; Path=/", "b=2"]);
  });

  test("takes a large body and sends a large one, unchanged", async () => {
    const body = Buffer.alloc(16 * 1024 * 1024);
    for (let at = 0; at < body.length; at += 4) body.writeUInt32LE(at, at);
    const echoed = Buffer.from(await (await get("/echo", { method: "POST", body })).arrayBuffer());
    assert.ok(echoed.equals(body), "the body came back as it was sent");
    assert.equal((await (await get("/large")).arrayBuffer()).byteLength, 16 * 1024 * 1024);
    assert.equal(await (await get("/length", { method: "POST", body })).text(), String(body.length));
  });

  test("HEAD is answered with a head, 204 and 304 without a body", async () => {
    await using client = await open();
    const head = await client.request("HEAD /hello HTTP/1.1").response("HEAD");
    assert.deepEqual([head.status, head.headers["content-type"]], [200, "text/plain"]);
    for (const [path, status] of [["/no-content", 204] as const, ["/not-modified", 304] as const]) {
      const { headers, ...answer } = await askAgain(client, path);
      assert.equal(answer.status, status);
      assert.deepEqual([headers["transfer-encoding"], headers["content-length"]], [undefined, undefined]);
    }
    // The connection is where its next response starts: nothing followed those heads.
    assert.equal((await askAgain(client, "/hello")).body, "hello");
  });

  test("events arrive as they are sent, and the response is not held until it ends", async () => {
    const response = await get("/events");
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    const first = await reader.read();
    assert.equal(first.value, "data: one\n\n");
    let rest = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) rest += part.value;
    assert.equal(rest, "data: two\n\ndata: three\n\n");
  });

  test("a client that does not read holds the handler back, and one that leaves ends it", async () => {
    const id = nextId();
    await using client = await open();
    client.request(`GET /endless?id=${id} HTTP/1.1`);
    const [, produced] = await server.waitForLog(new RegExp(`stalled ${id} at (\\d+)`));
    assert.ok(Number(produced) < 32 * 1024 * 1024, `${produced} bytes were produced for a client that does not read`);
    client.destroy();
    await server.waitForLog(new RegExp(`ended ${id}`));
  });

  test("a handler that does not read holds its client back", async () => {
    await using client = await open();
    client.request(`POST /wait?id=${nextId()} HTTP/1.1`, [`content-length: ${256 * 1024 * 1024}`]);
    for (let sent = 0; sent < 64; sent++) client.write(Buffer.alloc(1024 * 1024));
    assert.equal((await client.response()).status, 504);
    const taken = client.socket.bytesWritten - client.socket.writableLength;
    assert.ok(taken < 32 * 1024 * 1024, `${taken} bytes were taken for a handler that does not read`);
  });

  for (const path of ["/throw", "/reject", "/throw-string"]) {
    test(`a handler that fails (${path}) is answered 500, nothing of it told, and its client is served on`, async () => {
      await using client = await open();
      const failed = await client.request(`GET ${path} HTTP/1.1`).response();
      assert.equal(failed.status, 500);
      assert.doesNotMatch(failed.body, /secret/);
      assert.equal((await askAgain(client, "/hello")).body, "hello");
      // Express answers the app's errors itself.
      if (shape !== "express") await server.waitForLog(/"msg":"the handler failed"/);
    });
  }

  test("a response that fails after it has begun is cut, and does not look complete", async () => {
    await using client = await open();
    const { status, complete, body } = await client.request("GET /fails-later HTTP/1.1").response();
    assert.deepEqual([status, complete, body], [200, false, "part"]);
    assert.equal(await (await get("/hello")).text(), "hello");
  });

  test("the signal aborts when the client goes away", async () => {
    const id = nextId();
    await using client = await open();
    client.request(`GET /wait-long?id=${id} HTTP/1.1`);
    await server.waitForLog(new RegExp(`waiting ${id}`));
    client.destroy();
    await server.waitForLog(new RegExp(`aborted ${id} AbortError`));
  });

  test("reading the body fails when the client goes away", async () => {
    const id = nextId();
    await using client = await open();
    client.request(`POST /wait-read?id=${id} HTTP/1.1`, ["content-length: 100"], "some");
    await server.waitForLog(new RegExp(`waiting ${id}`));
    client.destroy();
    await server.waitForLog(new RegExp(`aborted ${id} read`));
  });

  test("a handler that takes too long is answered 504, and its signal aborts with a TimeoutError", async () => {
    const id = nextId();
    await using client = await open();
    const { status, body, headers } = await client.request(`GET /wait?id=${id} HTTP/1.1`).response();
    assert.deepEqual([status, body, headers["x-heddle-model"]], [504, "504 Gateway Timeout\n", model]);
    await server.waitForLog(new RegExp(`aborted ${id} TimeoutError`));
    assert.equal((await askAgain(client, "/hello")).body, "hello");
  });

  test("what a handler writes after its 504 goes nowhere, not into the next response", async () => {
    const id = nextId();
    await using client = await open();
    client.request(`GET /late?id=${id} HTTP/1.1`);
    // Sent before the first is answered.
    const second = can.keepsConnections ? client : await open();
    second.request("GET /hello HTTP/1.1");
    const { status, headers } = await client.response();
    assert.deepEqual([status, headers["x-late"]], [504, undefined]);
    const next = await second.response();
    second.destroy();
    assert.deepEqual([next.status, next.body, next.headers["x-late"]], [200, "hello", undefined]);
    await server.waitForLog(new RegExp(`wrote late ${id}`));
  });

  test("a handler that stops because it was told to has not failed", async () => {
    const id = nextId();
    const mark = server.mark();
    assert.equal((await get(`/rejects-late?id=${id}`)).status, 504);
    await server.waitForLog(new RegExp(`rejects late ${id}`));
    assert.equal(await (await get("/hello")).text(), "hello");
    assert.doesNotMatch(server.output(mark), /the handler failed/);
  });

  test("a response that has begun is not cut by the timeout", async () => {
    assert.equal(await (await get("/slow-stream")).text(), "begun and done");
  });

  test("no thread was lost to any of this", () => {
    assert.doesNotMatch(server.stderr(), /the thread is replaced|serving thread \d+ died|was blocked/);
  });
}
