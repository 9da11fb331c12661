import assert from "node:assert/strict";
import { test } from "node:test";
import { isInHead, type ParserError, refusalFor } from "../../../../src/server/http/parse/parser-errors.ts";

const stopped = (packet: string, at: number = packet.length): ParserError =>
  Object.assign(new Error("a parser error"), { rawPacket: Buffer.from(packet, "latin1"), bytesParsed: at });

test("a parser error is in the head of a HEAD request if the last request that began in its packet is one", () => {
  const get = "GET / HTTP/1.1\r\nhost: test\r\n\r\n";
  const head = "HEAD / HTTP/1.1\r\nbad header\r\n\r\n";
  assert.equal(isInHead(stopped(head, 20)), true);
  assert.equal(isInHead(stopped(`\r\n${head}`, 20)), true);
  assert.equal(isInHead(stopped(get + head, get.length + 20)), true);
  assert.equal(isInHead(stopped(get)), false);
  assert.equal(isInHead(stopped(get + head, 20)), false, "it stopped before");
  assert.equal(isInHead(stopped("HEADLESS / HTTP/1.1\r\nbad header\r\n\r\n", 25)), false);
  assert.equal(isInHead(stopped("x-a: HEAD \r\nbad header\r\n\r\n", 20)), false);
  assert.equal(isInHead(new Error("of something else") as ParserError), false);
});

test("a parser that the server's own code has broken is not the client's fault", () => {
  assert.equal(refusalFor(Object.assign(new Error("Parse Error"), { code: "HPE_JS_EXCEPTION" })), "HANDLER_LOST");
  assert.equal(refusalFor(Object.assign(new Error("Parse Error"), { code: "HPE_INVALID_METHOD" })), "BAD_REQUEST");
});
