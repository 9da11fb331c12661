import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { drainError, endEventStream, isDrainError, isEventStream } from "../../../src/server/app/called-off.ts";
import { servePlain } from "../../support/in-process.ts";

async function withResponse(
  begin: (res: ServerResponse) => void,
  look: (res: ServerResponse) => void,
): Promise<string> {
  await using server = await servePlain((_req, res) => {
    begin(res);
    try {
      look(res);
    } finally {
      if (!res.writableEnded) res.end();
    }
  });
  return await (await fetch(`http://127.0.0.1:${server.port}/`)).text();
}

const type = "content-type";

test("an event stream is known by its head, however that was written", async () => {
  const heads: ((res: ServerResponse) => void)[] = [
    (res) => res.writeHead(200, { [type]: "text/event-stream" }),
    (res) => res.writeHead(200, "Streams", [type, "text/event-stream; charset=utf-8"]),
    (res) => res.setHeader("Content-Type", "Text/Event-Stream ;charset=utf-8").flushHeaders(),
    (res) => void res.writeHead(200, { "x-before": "1", [type]: "text/event-stream" }).write("data: 1\n\n"),
  ];
  for (const head of heads) await withResponse(head, (res) => assert.equal(isEventStream(res), true));
});

test("what is none is not taken for one, nor is one before its head is out", async () => {
  const heads: ((res: ServerResponse) => void)[] = [
    (res) => res.setHeader(type, "text/event-stream"),
    (res) => res.writeHead(200, { [type]: "text/event-streams" }),
    (res) => res.writeHead(200, { "x-content-type": "text/event-stream" }),
    (res) => res.writeHead(200, { [type]: "text/plain", "x-note": "content-type: text/event-stream" }),
    (res) => void res.writeHead(200).write("content-type: text/event-stream\r\n"),
  ];
  for (const head of heads) await withResponse(head, (res) => assert.equal(isEventStream(res), false));
});

test("it is ended once, and what is still written is no error of the thread's", async () => {
  const body = await withResponse(
    (res) => void res.writeHead(200, { [type]: "text/event-stream" }).write("data: 1\n\n"),
    (res) => {
      assert.equal(endEventStream(res), true);
      assert.equal(endEventStream(res), false);
      res.write("data: too late\n\n");
    },
  );
  assert.equal(body, "data: 1\n\n");
});

test("the reason of a drain is told from others by its name", () => {
  assert.equal(isDrainError(drainError()), true);
  for (const name of ["AbortError", "TimeoutError"]) assert.equal(isDrainError(new DOMException("", name)), false);
});
