import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MalformedResponse, ResponseParser } from "../../bench/load/response-parser.ts";

function parse(text: string, pieceBytes = text.length): ResponseParser {
  const parser = new ResponseParser();
  const bytes = Buffer.from(text, "latin1");
  for (let offset = 0; offset < bytes.length; offset += pieceBytes)
    parser.push(bytes.subarray(offset, offset + pieceBytes));
  return parser;
}

const RESPONSES = {
  "by length": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Worker: 42\r\n\r\nhello",
  chunked:
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nx-worker: 42\r\n\r\n3\r\nhel\r\n2;ext=1\r\nlo\r\n0\r\n\r\n",
  "chunked with trailers":
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nx-worker: 42\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n",
  "after an interim response":
    "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-worker: 42\r\n\r\nhello",
};

describe("the response parser", () => {
  for (const [name, text] of Object.entries(RESPONSES)) {
    it(`finds the end of a response ${name}, however it is cut into pieces`, () => {
      for (const pieceBytes of [text.length, 7, 2, 1]) {
        const parser = parse(text, pieceBytes);
        assert.equal(parser.done, true, `pieces of ${pieceBytes}`);
        assert.equal(parser.status, 200);
        assert.equal(parser.body, "hello");
        assert.equal(parser.bodyBytes, 5);
        assert.equal(parser.worker, "42");
        assert.equal(parser.keepAlive, true);
      }
    });
  }

  it("isn't done while anything is missing", () => {
    for (const text of Object.values(RESPONSES)) assert.equal(parse(text.slice(0, -1)).done, false);
  });

  it("takes the close as the end only where nothing else says where it is", () => {
    const open = parse("HTTP/1.1 200 OK\r\n\r\nhello");
    open.end();
    assert.equal(open.done, true);
    const cut = parse("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello");
    cut.end();
    assert.equal(cut.done, false);
  });

  it("hears that the connection will close", () => {
    assert.equal(parse("HTTP/1.1 200 OK\r\nConnection: close\r\ncontent-length: 0\r\n\r\n").keepAlive, false);
    assert.equal(parse("HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n").keepAlive, false);
  });

  it("refuses what no HTTP response may be", () => {
    assert.throws(() => parse("SSH-2.0-OpenSSH\r\n\r\n"), MalformedResponse);
    assert.throws(() => parse("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab"), MalformedResponse);
    assert.throws(() => parse("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n"), MalformedResponse);
    assert.throws(() => parse("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n"), MalformedResponse);
  });
});
