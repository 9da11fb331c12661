/** The contract, on the content of a request and of its response. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { RawConnection } from "../../support/raw-connection.ts";
import type { Subject } from "./subject.ts";

export function messages(subject: Subject): void {
  const { model, shape, can } = subject;

  test("runs the handler, hands over method, headers and body, and the answer's status, reason, headers and cookies", async () => {
    const headers = { "content-type": "text/x" };
    const echo = await subject.get("/echo", { method: "PUT", body: "straight through", headers });
    assert.equal(echo.headers.get("x-method"), "PUT");
    assert.match(echo.headers.get("content-type") ?? "", /^text\/x/);
    assert.equal(await echo.text(), "straight through");
    assert.equal(echo.headers.get("x-heddle-model"), model);
    const answer = await subject.get("/headers");
    assert.deepEqual([answer.status, answer.statusText, answer.headers.get("x-a")], [201, "Made Up", "1"]);
    assert.deepEqual(answer.headers.getSetCookie(), ["a=1; Path=/", "b=2"]);
  });

  test("HEAD is answered with a head, 204 and 304 without a body", async () => {
    await using client = await subject.open();
    const head = await client.request("HEAD /hello HTTP/1.1").response("HEAD");
    assert.equal(head.status, 200);
    assert.match(head.headers["content-type"] ?? "", /^text\/plain/);
    for (const [path, status] of [["/no-content", 204] as const, ["/not-modified", 304] as const]) {
      const { headers, ...answer } = await subject.askAgain(client, path);
      assert.equal(answer.status, status);
      assert.deepEqual([headers["transfer-encoding"], headers["content-length"]], [undefined, undefined]);
    }
    // The connection is where its next response starts: nothing followed those heads.
    assert.equal((await subject.askAgain(client, "/next")).body, "hello");
  });

  test("a form with a file arrives, and so does JSON", async () => {
    const form = new FormData();
    form.set("note", "grüße");
    form.set("file", new Blob([Buffer.alloc(300_000, "x")]), "large.bin");
    const uploaded = await subject.get("/upload", { method: "POST", body: form });
    assert.deepEqual(await uploaded.json(), { note: "grüße", name: "large.bin", bytes: 300_000 });
    const headers = { "content-type": "application/json" };
    const json = await subject.get("/json", { method: "POST", body: JSON.stringify({ n: 1 }), headers });
    assert.deepEqual(await json.json(), { n: 2 });
  });

  test("the handler knows who asks", async () => {
    await using client = await subject.open();
    const { body } = await client.request("GET /peer HTTP/1.1").response();
    const port = shape.node ? { port: client.socket.localPort } : {};
    assert.deepEqual(JSON.parse(body), { address: "127.0.0.1", ...port });
  });

  test("requests that are sent at once are answered in their order", async () => {
    const sent = "POST /length HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\nbody";
    const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: test\r\n\r\n`;
    const clients = can.keepsConnections ? [await subject.open()] : [];
    const answers: string[] = [];
    for (const [i, request] of [get("/events"), sent, get("/hello")].entries()) {
      if (!can.keepsConnections) clients.push(await subject.open());
      clients[i % clients.length]!.write(request);
    }
    for (let i = 0; i < 3; i++) answers.push((await clients[i % clients.length]!.response()).body);
    for (const client of clients) client.destroy();
    assert.match(answers[0]!, /data: three/);
    assert.deepEqual(answers.slice(1), ["4", "hello"]);
  });

  test("the whole server may be asked for its options, and a path of it by its URL", async () => {
    await using client = await subject.open();
    const { status } = await client.request("OPTIONS * HTTP/1.1").response();
    assert.ok(status !== 400 && status < 500, `OPTIONS * got ${status}`);
    await using other = await subject.open();
    assert.equal((await other.request("GET http://other/hello?x HTTP/1.1").response()).body, "hello");
  });

  test("a host that is none, a target that is none and a tunnel are refused before the app", async () => {
    const mark = subject.server.mark();
    for (const [line, host, expected] of [
      ["GET /hello", "a@b", 400],
      ["GET /hello", "a:b", 400],
      ["GET *", "a", 400],
      ["GET ftp://a/hello", "a", 400],
      ["CONNECT a:443", "a", 501],
    ] as const) {
      await using client = await subject.open();
      const { status, headers } = await client.request(`${line} HTTP/1.1`, [`host: ${host}`]).response();
      assert.deepEqual([status, headers["connection"]], [expected, "close"], `${line}, ${host}`);
      await client.ended();
    }
    assert.doesNotMatch(subject.server.output(mark), /the handler failed/);
  });

  test("HTTP/1.0 is answered, and its connection closed", async () => {
    await using client = await subject.open();
    const { status, body } = await client.write("GET /hello HTTP/1.0\r\n\r\n").response();
    assert.deepEqual([status, body], [200, "hello"]);
    await client.ended();
  });

  test("a client that asks before it sends its body is told to go on", async () => {
    await using client = await subject.open();
    const head = ["expect: 100-continue", "content-length: 4", "content-type: text/x"];
    client.request("POST /echo HTTP/1.1", head);
    assert.equal((await client.response()).status, 100);
    assert.equal((await client.write("body").response()).body, "body");
  });

  if (shape.server) {
    test("an app with a server of its own decides whether a body may come", async () => {
      await using client = await subject.open();
      const head = ["expect: 100-continue", "content-length: 4", "x-refused: yes"];
      const { status, body, headers } = await client.request("POST /echo HTTP/1.1", head).response();
      // Whether its body follows, nobody can tell.
      assert.deepEqual([status, body, headers["connection"]], [413, "too much", "close"]);
      await client.ended();
    });
  }

  if (shape.name === "fastify") {
    test("the framework's own trailers go both ways", async () => {
      assert.equal(await trailerOf(await subject.open(), "/own-trailers"), "42");
    });
  }
}

/** Sends a body with a trailer, and gives the one that comes back. */
export async function trailerOf(client: RawConnection, path: string): Promise<string | undefined> {
  const head = ["transfer-encoding: chunked", "content-type: text/x"];
  client.request(`POST ${path} HTTP/1.1`, head, "4\r\nbody\r\n0\r\nx-sum: 42\r\n\r\n");
  const { body, trailers } = await client.response();
  client.destroy();
  assert.equal(body, "body");
  return trailers["x-sum"];
}
