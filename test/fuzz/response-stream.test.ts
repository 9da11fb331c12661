import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MalformedResponse, ResponseStream } from "./response-stream.ts";

const ok = "HTTP/1.1 200 OK\r\n";

function read(text: string, method = "GET", isClean = true): ResponseStream {
  const stream = new ResponseStream(() => method);
  stream.push(Buffer.from(text, "latin1"));
  stream.end(isClean);
  return stream;
}

describe("the fuzz's reader of responses", () => {
  const bytes =
    `${ok}content-length: 3\r\n\r\nabcHTTP/1.1 100 Continue\r\n\r\n` +
    `${ok}transfer-encoding: chunked\r\nx: 1\r\nX: 2\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n`;

  test("finds the same responses however their bytes are cut", () => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      const stream = new ResponseStream(() => "GET");
      stream.push(Buffer.from(bytes.slice(0, cut), "latin1"));
      stream.push(Buffer.from(bytes.slice(cut), "latin1"));
      stream.end(true);
      const seen = stream.responses.map(({ status, body, complete, interim }) => [
        status,
        String(body),
        complete,
        interim,
      ]);
      assert.deepEqual(seen, [
        [200, "abc", true, 0],
        [200, "def", true, 1],
        [204, "", true, 0],
      ]);
      assert.equal(stream.responses[1]!.headers.get("x"), "1, 2");
    }
  });

  test("an answer to HEAD has no body", () => {
    assert.equal(read(`${ok}content-length: 3\r\n\r\n`, "HEAD").responses[0]!.complete, true);
  });

  test("tells what is complete from what is cut", () => {
    const complete = (text: string, isClean = true): boolean => read(text, "GET", isClean).responses[0]!.complete;
    assert.equal(complete(`${ok}\r\nuntil the end`), true);
    assert.equal(complete(`${ok}\r\nuntil a reset`, false), false);
    assert.equal(complete(`${ok}content-length: 3\r\n\r\nab`), false);
    assert.equal(complete(`${ok}transfer-encoding: chunked\r\n\r\n2\r\nab\r\n`), false);
  });

  const malformed: [what: string, bytes: string][] = [
    ["another protocol", "HTTP/2 200 OK\r\n\r\n"],
    ["no status line", "hello, this is no HTTP"],
    ["a status line without a reason's space", "HTTP/1.1 200\r\n\r\n"],
    ["a head that ends early", "HTTP/1.1 200 OK\r\ncontent-"],
    ["a bare LF in the head", `HTTP/1.1 200 OK\nx: 1\r\n\r\n`],
    ["a header without a colon", `${ok}x\r\n\r\n`],
    ["a space before the colon", `${ok}x : 1\r\n\r\n`],
    ["two lengths", `${ok}content-length: 1\r\ncontent-length: 1\r\n\r\na`],
    ["a length beside a coding", `${ok}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n`],
    ["a coding it does not know", `${ok}transfer-encoding: gzip\r\n\r\n`],
    ["a chunk size that is none", `${ok}transfer-encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n`],
    ["a chunk longer than its size", `${ok}transfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n`],
    ["a bare LF after a chunk size", `${ok}transfer-encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n`],
    ["bytes after the end", `${ok}content-length: 1\r\n\r\nabHTTP`],
  ];
  for (const [what, text] of malformed) {
    test(`takes no ${what}`, () => {
      assert.throws(() => read(text), MalformedResponse);
    });
  }
});
