/** The contract, on node:http's own request and response: the methods that an app or its middleware calls directly. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { trailerOf } from "./messages.ts";
import type { Subject } from "./subject.ts";

export function byHand(subject: Subject): void {
  test("a response may be written by hand", async () => {
    const response = await subject.get("/by-hand");
    assert.deepEqual([response.headers.get("content-type"), await response.text()], ["text/x-hand", "by hand"]);
  });

  test("interim responses come before the response, each by itself", async () => {
    await using client = await subject.open();
    assert.equal((await client.request("GET /hints HTTP/1.1").response()).status, 102);
    const hints = await client.response();
    assert.deepEqual([hints.status, hints.headers["link"]], [103, "</style.css>; rel=preload"]);
    assert.equal((await client.response()).body, "after the hints");
  });

  test("trailers go both ways", async () => {
    assert.equal(await trailerOf(await subject.open(), "/trailers"), "42");
  });

  test("a write says whether there is room, and drain that there is again", async () => {
    const text = await (await subject.get("/drain")).text();
    assert.equal(text.slice(text.indexOf("[")), JSON.stringify([false, 0, false, 0, false, 0, false, 0]));
  });

  test("memory may be used again when its write has been called back", async () => {
    const text = await (await subject.get("/reused")).text();
    assert.equal(text.length, 8 * 64 * 1024);
    assert.equal(text.replaceAll(/(.)\1{65535}/g, "$1"), "abcdefgh");
  });

  test("methods put over the response's own, as compressing middleware does, are called", async () => {
    const response = await subject.get("/wrapped");
    assert.equal(response.headers.get("content-encoding"), "gzip");
    const lines = (await response.text()).trimEnd().split("\n");
    assert.deepEqual([lines.length, lines.at(0), lines.at(-1)], [1001, "line 0", "the end"]);
  });

  for (const path of ["/cut", "/cut-request"]) {
    test(`a handler may cut the connection (${path})`, async () => {
      await using client = await subject.open();
      client.request(`POST ${path} HTTP/1.1`, ["content-length: 4", "content-type: text/x"]);
      await client.ended();
    });
  }

  test("a handler that cuts its connection after its 504 cuts nobody's", async () => {
    const id = subject.nextId();
    await using client = await subject.open();
    assert.equal((await client.request(`GET /late-cut?id=${id} HTTP/1.1`).response()).status, 504);
    await subject.logged(`cut late ${id}`);
    assert.equal((await subject.askAgain(client, "/next")).body, "hello");
  });

  test("a request and its response say how they end: answered", async () => {
    const id = subject.nextId();
    assert.equal(await (await subject.get(`/life?id=${id}`)).text(), "lived");
    for (const event of ["req end", "res finish", "res close"]) await subject.logged(`life ${id} ${event}`);
  });

  test("a request and its response say how they end: the client has left", async () => {
    const id = subject.nextId();
    await using client = await subject.open();
    client.request(`POST /life-long?id=${id} HTTP/1.1`, ["content-length: 4", "content-type: text/x"], "bo");
    await subject.logged(`life ${id} begins`);
    client.destroy();
    for (const event of ["req aborted", "req error ECONNRESET", "req close", "res close"])
      await subject.logged(`life ${id} ${event}`);
    assert.doesNotMatch(subject.server.output(0), new RegExp(`life ${id} (req end|res finish)`));
  });

  test("a request and its response say how they end: the client has left, and had sent all", async () => {
    const id = subject.nextId();
    await using client = await subject.open();
    await client.request(`GET /life-long?id=${id} HTTP/1.1`).head();
    client.destroy();
    for (const event of ["req close", "res close"]) await subject.logged(`life ${id} ${event}`);
    assert.doesNotMatch(subject.server.output(0), new RegExp(`life ${id} (req aborted|res finish)`));
  });

  test("a request and its response say how they end: out of time", async () => {
    const id = subject.nextId();
    assert.equal((await subject.get(`/life-wait?id=${id}`)).status, 504);
    await subject.logged(`life ${id} res close`);
  });

  test("a response that waits in silence for longer than it wants to is told", async () => {
    const id = subject.nextId();
    const response = await subject.get(`/idle?id=${id}`);
    assert.deepEqual([response.status, await response.text()], [408, "too quiet"]);
  });

  test("how long a response wants to wait in silence counts for it, and not for the next of its connection", async () => {
    await using client = await subject.open();
    assert.equal((await client.request("GET /idle HTTP/1.1").response()).status, 408);
    assert.equal((await subject.askAgain(client, "/quiet")).body, "in its own time");
  });
}
