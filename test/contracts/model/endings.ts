/** The contract, on requests that end without an answer: failures, timeouts, clients that leave. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RawResponse } from "../../support/raw-connection.ts";
import type { Subject } from "./subject.ts";

export function failures(subject: Subject): void {
  const { answersErrors } = subject.shape;

  test("handlers that fail are answered 500, nothing of it told, and their client is served on", async () => {
    await using client = await subject.open();
    let isFirst = true;
    for (const [path, kind] of [
      ["/throw", "error"],
      ["/reject", "error"],
      ["/throw-string", "other"],
    ] as const) {
      const mark = subject.server.mark();
      const failed: RawResponse = isFirst
        ? await client.request(`GET ${path} HTTP/1.1`).response()
        : await subject.askAgain(client, path);
      isFirst = false;
      assert.equal(failed.status, 500);
      assert.doesNotMatch(failed.body, /secret/);
      if (answersErrors[kind] === "heddle") await subject.server.waitForLog(/"msg":"the handler failed"/, mark);
      else assert.doesNotMatch(subject.server.output(mark), /the handler failed/);
    }
    assert.equal((await subject.askAgain(client, "/next")).body, "hello");
  });

  test("a response that fails after it has begun is cut, and does not look complete", async () => {
    await using client = await subject.open();
    const { status, complete, body } = await client.request("GET /fails-later HTTP/1.1").response();
    assert.deepEqual([status, complete, body], [200, false, "part"]);
  });
}

/** Costs the thread as well: the last case of all. */
export function uncaught(subject: Subject): void {
  test("an exception in an event of the request is its own request's 500", async () => {
    // On connections of their own: one that is kept alive may be closed at any time between two requests.
    await using client = await subject.open();
    const body = "secret: no JSON";
    const headers = ["content-type: application/json", `content-length: ${body.length}`];
    const failed = await client.request("POST /json HTTP/1.1", headers, body).response();
    assert.equal(failed.status, 500);
    assert.doesNotMatch(failed.body, /secret/);
    await using next = await subject.open();
    assert.equal((await next.request("GET /hello HTTP/1.1").response()).body, "hello");
    // The next case reads the log from where it stands.
    await subject.logged('"msg":"uncaught exception on');
  });
}

export function goneClients(subject: Subject): void {
  test("the signal aborts when the client goes away", async () => {
    const id = subject.nextId();
    await using client = await subject.open();
    client.request(`GET /wait-long?id=${id} HTTP/1.1`);
    await subject.logged(`waiting ${id}`);
    client.destroy();
    await subject.logged(`aborted ${id} AbortError`);
    if (subject.shape.name === "fastify") await subject.logged(`fastify's own signal ${id}`);
  });

  test("reading the body fails when the client goes away", async () => {
    const id = subject.nextId();
    await using client = await subject.open();
    client.request(`POST /wait-read?id=${id} HTTP/1.1`, ["content-length: 100", "content-type: text/x"], "some");
    await subject.logged(`waiting ${id}`);
    client.destroy();
    await subject.logged(`aborted ${id} read`);
  });
}

export function timeouts(subject: Subject): void {
  const { model, can } = subject;

  test("a handler that takes too long is answered 504, and its signal aborts with a TimeoutError", async () => {
    const id = subject.nextId();
    await using client = await subject.open();
    const { status, body, headers } = await client.request(`GET /wait?id=${id} HTTP/1.1`).response();
    assert.deepEqual([status, body, headers["x-heddle-model"]], [504, "504 Gateway Timeout\n", model]);
    await subject.logged(`aborted ${id} TimeoutError`);
  });

  test("what a handler writes after its 504 goes nowhere, not into the next response", async () => {
    const id = subject.nextId();
    await using client = await subject.open();
    client.request(`GET /late?id=${id} HTTP/1.1`);
    // Sent before the first is answered.
    const second = can.keepsConnections ? client : await subject.open();
    second.request("GET /hello HTTP/1.1");
    const { status, headers } = await client.response();
    assert.deepEqual([status, headers["x-late"]], [504, undefined]);
    const next = await second.response();
    second.destroy();
    assert.deepEqual([next.status, next.body, next.headers["x-late"]], [200, "hello", undefined]);
    await subject.logged(`wrote late ${id}`);
  });

  test("a handler that stops because it was told to has not failed", async () => {
    const id = subject.nextId();
    const mark = subject.server.mark();
    assert.equal((await subject.get(`/rejects-late?id=${id}`)).status, 504);
    await subject.logged(`rejects late ${id}`);
    assert.equal(await (await subject.get("/next")).text(), "hello");
    assert.doesNotMatch(subject.server.output(mark), /the handler failed/);
  });

  test("a source that was to be sent is let go at the timeout", async () => {
    const id = subject.nextId();
    assert.equal((await subject.get(`/silent?id=${id}`)).status, 504);
    await subject.logged(`ended ${id}`);
  });
}
