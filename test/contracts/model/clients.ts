/**
 * The contract, on how clients use their connection: unread bodies, pipelined requests, clients that close their side early.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Subject } from "./subject.ts";

/** How long a client that has ended its side may wait for its answer (server/http/admit/client-watch.ts). */
const HALF_CLOSED_MS = 5000;
const LARGE = 300_000;

export function clients(subject: Subject): void {
  const { can } = subject;

  for (const [name, head, body] of [
    ["with its length", `content-length: ${LARGE}`, "x".repeat(LARGE)],
    ["in chunks", "transfer-encoding: chunked", `${LARGE.toString(16)}\r\n${"x".repeat(LARGE)}\r\n0\r\n\r\n`],
  ] as const) {
    test(`a body that nobody reads, ${name}, does not cost its client the answer or the connection`, async () => {
      await using client = await subject.open();
      client.request("GET /hello HTTP/1.1", [head], body);
      const { body: answer, headers } = await client.response();
      assert.equal(answer, "hello");
      if (headers["connection"] === "close") return;
      assert.equal((await client.request("GET /next HTTP/1.1").response()).body, "hello");
    });
  }

  test("a client that ends its side behind its request is answered", async () => {
    // One that waits for longer is taken for gone. A busy machine may need as long to start a thread.
    for (let tookMs = Infinity, answer = ""; !answer.endsWith("\r\n\r\nhello"); ) {
      assert.ok(tookMs > HALF_CLOSED_MS, `no answer within ${tookMs} ms: ${answer}`);
      const startedMs = performance.now();
      await using client = await subject.open();
      client.request("GET /hello HTTP/1.1").socket.end();
      answer = await client.rest();
      tookMs = performance.now() - startedMs;
    }
  });

  test("a client that sends its request in many small pieces is answered", async () => {
    await using client = await subject.open();
    const request =
      "POST /echo HTTP/1.1\r\nhost: test\r\ncontent-type: application/x-large\r\ncontent-length: 6\r\n\r\npieces";
    for (const byte of request) {
      client.write(byte);
      // oxlint-disable-next-line no-await-in-loop -- one packet after the other is the point
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal((await client.response()).body, "pieces");
  });

  if (!can.keepsConnections) return;

  for (const [name, last, status] of [
    ["a request that says so", "GET /hello HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n", 200],
    ["a refusal", "GET /hello HTTP/1.1\r\nhost: test\r\nhost: other\r\n\r\n", 400],
    ["bytes that are not HTTP", "nonsense\r\n\r\n", 400],
  ] as const) {
    test(`pipelined requests are all answered, in order, when ${name} ends the connection`, async () => {
      await using client = await subject.open();
      const posted = ["content-type: application/x-large", "content-length: 4"];
      client.request("POST /echo HTTP/1.1", posted, "one.").request("GET /next HTTP/1.1");
      client.request("POST /echo HTTP/1.1", posted, "two.").write(last);
      const bodies: string[] = [];
      for (let i = 0; i < 3; i++) {
        // oxlint-disable-next-line no-await-in-loop -- they come one after the other
        const { headers, body } = await client.response();
        assert.notEqual(headers["connection"], "close");
        bodies.push(body);
      }
      assert.deepEqual(bodies, ["one.", "hello", "two."]);
      const { status: lastStatus, headers } = await client.response();
      assert.deepEqual([lastStatus, headers["connection"]], [status, "close"]);
      await client.ended();
    });
  }
}
