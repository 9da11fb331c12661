import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { open, rawExchange } from "../raw-http.ts";
import { serveFixture, type ServedFixture } from "../serve-fixture.ts";

describe("an app with fetch(request)", () => {
  let app: ServedFixture;
  before(async () => {
    app = await serveFixture("fetch.ts");
  });
  after(() => app[Symbol.asyncDispose]());

  const text = async (path: string, init?: RequestInit): Promise<string> => (await app.get(path, init)).text();

  test("answers, called as a method of its object", async () => {
    assert.equal(app.shape, "fetch");
    assert.equal(await text("/"), "hello from fetch");
  });

  test("a text response has native's content-type and a content-length", async () => {
    const { headers } = await app.get("/");
    assert.equal(headers.get("content-type"), "text/plain;charset=UTF-8");
    assert.equal(headers.get("content-length"), "16");
  });

  test("reads a body and echoes it", async () => {
    const response = await app.get("/echo", { method: "PUT", body: "straight through" });
    assert.equal(response.headers.get("x-method"), "PUT");
    assert.equal(await response.text(), "straight through");
  });

  test("streams a large body in and out", async () => {
    const body = "0123456789abcdef".repeat(128 * 1024);
    assert.equal(await text("/pipe", { method: "POST", body }), body);
  });

  test("Response.json sets status and content-type", async () => {
    const response = await app.get("/json?q=a%20b", { headers: { "user-agent": "tester" } });
    assert.equal(response.status, 201);
    assert.equal(response.headers.get("content-type"), "application/json");
    assert.deepEqual(await response.json(), { agent: "tester", q: "a b" });
  });

  test("streams chunks in order", async () => {
    assert.equal(await text("/stream"), "one two three");
  });

  test("headers arrive before a stream's first chunk", async () => {
    const cancel = new AbortController();
    const response = await app.get("/first-byte", { signal: cancel.signal });
    assert.equal(response.headers.get("x-early"), "yes");
    cancel.abort();
    assert.match(await text("/seen?for=cancelled:%20AbortError"), /first-byte aborted/);
  });

  test("a client that reads nothing holds the stream back, and one that leaves cancels it", async () => {
    const socket = await open(app.port);
    socket.write("GET /endless HTTP/1.1\r\nhost: a\r\n\r\n");
    await once(socket, "readable");
    // Not read any further: what the handler can produce is bounded by the buffers in between.
    let produced = -1;
    for (let last = -2; produced !== last; ) {
      last = produced;
      produced = Number(await text("/produced"));
    }
    assert.ok(produced < 64 * 1024 * 1024, `${produced} bytes were produced for a client that does not read`);
    socket.destroy();
    assert.match(await text("/seen?for=endless%20cancelled"), /endless cancelled/);
  });

  test("HEAD has headers and no body, for text and for a stream", async () => {
    for (const path of ["/", "/stream"]) {
      const answer = await rawExchange(app.port, `HEAD ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
      assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
      assert.ok(answer.endsWith("\r\n\r\n"), answer);
    }
  });

  test("204 and 304 have no body, no length and no coding", async () => {
    for (const [path, status] of [["/empty", 204] as const, ["/not-modified", 304] as const]) {
      const answer = await rawExchange(app.port, `GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.doesNotMatch(answer, /content-length|transfer-encoding/i);
      assert.ok(answer.endsWith("\r\n\r\n"), answer);
    }
  });

  test("every set-cookie stays a header of its own", async () => {
    const { headers } = await app.get("/cookies");
    assert.deepEqual(headers.getSetCookie(), ["a=1; Path=/", "b=2"]);
    assert.equal(headers.get("x-a"), "1");
  });

  test("redirects, subclasses and native responses are sent as they are", async () => {
    const redirect = await app.get("/redirect", { redirect: "manual" });
    assert.equal(redirect.status, 303);
    assert.equal(redirect.headers.get("location"), "http://example.com/there");
    const page = await app.get("/page");
    assert.equal(page.headers.get("content-type"), "text/html");
    assert.equal(await page.text(), "<h1>hi</h1>");
    const native = await app.get("/native");
    assert.equal(native.statusText, "Fine");
    assert.equal(await native.text(), "native body");
  });

  test("headers can be read and changed after construction", async () => {
    const { headers } = await app.get("/set-header");
    assert.equal(headers.get("x-type"), "text/plain;charset=UTF-8");
  });

  test("a Request can be made from the request", async () => {
    assert.equal(await text("/copy", { method: "POST", body: "copied" }), "copied");
  });

  test("a throw is the handler's failure", async () => {
    const response = await app.get("/throw");
    assert.equal(response.status, 500);
    assert.match(await response.text(), /handler threw/);
  });

  test("anything but a Response is refused, by what it was", async () => {
    const response = await app.get("/nothing");
    assert.equal(response.status, 500);
    assert.match(await response.text(), /must return a Response, and returned a string/);
  });

  test("a header with a line break never reaches the client", async () => {
    const response = await app.get("/bad-header");
    assert.equal(response.status, 500);
    assert.equal(response.headers.get("x-injected"), null);
  });

  test("a stream that fails at once is still a 500", async () => {
    const response = await app.get("/fail-early");
    assert.equal(response.status, 500);
    assert.match(await response.text(), /stream failed early/);
  });

  test("a stream that fails later cuts the connection", async () => {
    const answer = await rawExchange(app.port, "GET /fail-late HTTP/1.1\r\nhost: a\r\n\r\n");
    assert.match(answer, /partial/);
    assert.doesNotMatch(answer, /\r\n0\r\n\r\n$/);
  });

  test("request.signal is quiet for a request that completes", async () => {
    assert.equal(await text("/signal"), "false");
  });

  test("request.signal aborts when the client goes away", async () => {
    const socket = await open(app.port);
    socket.write("GET /wait HTTP/1.1\r\nhost: a\r\n\r\n");
    // The same thread answers this one later, so the handler of the first runs by then.
    await text("/");
    socket.destroy();
    assert.match(await text("/seen?for=aborted:%20AbortError"), /aborted: AbortError/);
  });

  test("request.signal aborts with heddle's reason", async () => {
    assert.equal(await text("/wait?abort"), "aborted by TimeoutError");
  });

  test("onStart and onStop run, routes are handed on, and modules are the app's own files", async () => {
    await using other = await serveFixture("fetch.ts");
    assert.deepEqual(other.routes, { "/json": { model: "threads" } });
    const names = (await other.modules()).map((file) => file.split("/").at(-1));
    assert.deepEqual(names, ["fetch.ts", "greeting.ts"]);
    assert.equal(await other.stop(), "started\nstopped\n");
  });
});
