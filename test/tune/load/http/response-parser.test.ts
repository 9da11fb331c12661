import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MalformedResponse, ResponseParser } from "../../../../src/tune/load/http/response-parser.ts";

const KEPT = 256;

/** Pushes the text in pieces, and returns how much of it was taken. */
function push(parser: ResponseParser, text: string, pieceBytes = text.length): number {
  const bytes = Buffer.from(text, "latin1");
  let taken = 0;
  for (let offset = 0; offset < bytes.length; offset += pieceBytes) {
    taken += parser.push(bytes.subarray(offset, offset + pieceBytes));
  }
  return taken;
}

function parse(text: string, pieceBytes?: number): ResponseParser {
  const parser = new ResponseParser(KEPT);
  push(parser, text, pieceBytes);
  return parser;
}

const RESPONSES = {
  "by length": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Worker: 42\r\n\r\nhello",
  "with the same length twice":
    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-worker: 42\r\nContent-Length:5 \r\n\r\nhello",
  "without a reason, and with bare line feeds": "HTTP/1.1 200\ncontent-length: 5\nx-worker: 42\n\nhello",
  chunked:
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nx-worker: 42\r\n\r\n3\r\nhel\r\n2;ext=1\r\nlo\r\n0\r\n\r\n",
  "chunked after another coding, and in spite of a length":
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\ncontent-length: 1\r\nx-worker: 42\r\n\r\n0005\r\nhello\r\n0\r\n\r\n",
  "chunked with trailers":
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nx-worker: 42\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n",
  "after an interim response":
    "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\ncontent-length: 9\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-worker: 42\r\n\r\nhello",
};

const WITHOUT_BODY = {
  "of no bytes": "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
  "204": "HTTP/1.1 204 No Content\r\ncontent-length: 3\r\n\r\n",
  "304": "HTTP/1.1 304 Not Modified\r\ntransfer-encoding: chunked\r\n\r\n",
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
        assert.equal(parser.header("X-Worker"), "42");
        assert.equal(parser.keepAlive, true);
      }
    });
  }

  it("finds the end at every place where a response can be cut in two", () => {
    for (const text of Object.values(RESPONSES)) {
      for (let cut = 1; cut < text.length; cut++) {
        const parser = new ResponseParser(KEPT);
        push(parser, text.slice(0, cut));
        assert.equal(parser.done, false, `${cut} of ${JSON.stringify(text)}`);
        push(parser, text.slice(cut));
        assert.equal(parser.done, true, `${cut} of ${JSON.stringify(text)}`);
        assert.equal(parser.body, "hello");
      }
    }
  });

  for (const [name, text] of Object.entries(WITHOUT_BODY)) {
    it(`waits for no body in a response that is ${name}`, () => {
      const parser = parse(text);
      assert.equal(parser.done, true);
      assert.equal(parser.bodyBytes, 0);
      assert.equal(parser.keepAlive, true);
    });
  }

  it("waits for no body in an answer to HEAD, whatever its length is", () => {
    const parser = new ResponseParser();
    parser.begin(true);
    push(parser, "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n");
    assert.equal(parser.done, true);
    assert.equal(parser.keepAlive, true);
  });

  it("takes the responses of a connection one after the other, and nothing of the next", () => {
    const parser = new ResponseParser(KEPT);
    const [first, second] = [RESPONSES.chunked, RESPONSES["by length"]];
    assert.equal(push(parser, first + second), first.length);
    assert.equal(parser.done, true);
    parser.begin();
    assert.equal(parser.started, false);
    assert.equal(push(parser, second), second.length);
    assert.equal(parser.body, "hello");
    assert.deepEqual(parser.headers, [
      ["content-length", "5"],
      ["x-worker", "42"],
    ]);
  });

  it("forgets the connection header of an earlier response", () => {
    const parser = parse("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    parser.begin();
    push(parser, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    assert.equal(parser.keepAlive, true);
  });

  it("isn't done while anything is missing", () => {
    for (const text of Object.values(RESPONSES)) assert.equal(parse(text.slice(0, -1)).done, false);
  });

  it("takes the close as the end only where nothing else says where it is", () => {
    for (const head of ["", "transfer-encoding: gzip\r\ncontent-length: 2\r\n"]) {
      const open = parse(`HTTP/1.1 200 OK\r\n${head}\r\nhello`);
      assert.equal(open.done, false);
      open.end();
      assert.equal(open.done, true);
      assert.equal(open.keepAlive, false);
    }
    const cut = parse("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello");
    cut.end();
    assert.equal(cut.done, false);
  });

  it("hears that the connection will close", () => {
    const length = "content-length: 0\r\n\r\n";
    assert.equal(parse(`HTTP/1.1 200 OK\r\nConnection: close\r\n${length}`).keepAlive, false);
    assert.equal(parse(`HTTP/1.1 200 OK\r\nconnection: Foo, Close \r\n${length}`).keepAlive, false);
    assert.equal(parse(`HTTP/1.1 200 OK\r\nconnection: closed\r\n${length}`).keepAlive, true);
    assert.equal(parse(`HTTP/1.0 200 OK\r\n${length}`).keepAlive, false);
    assert.equal(parse(`HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n${length}`).keepAlive, true);
  });

  it("ends with the head of a switch to another protocol, after which the connection is no good", () => {
    const parser = parse("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n");
    assert.equal(parser.done, true);
    assert.equal(parser.keepAlive, false);
  });

  it("keeps only as much of a body as it was asked to, and counts the rest", () => {
    const parser = new ResponseParser(3);
    push(parser, RESPONSES.chunked, 4);
    assert.equal(parser.body, "hel");
    assert.equal(parser.bodyBytes, 5);
    const none = new ResponseParser();
    push(none, RESPONSES.chunked);
    assert.equal(none.body, "");
    assert.deepEqual(none.headers, []);
  });

  it("refuses what no HTTP response may be", () => {
    for (const text of [
      "SSH-2.0-OpenSSH\r\n\r\n",
      "SSH",
      "\rHTTP/1.1 200 OK",
      "HTTP/2 200 OK\r\n\r\n",
      "HTTP/1.1 2x0 OK\r\n\r\n",
      "HTTP/1.1 20\r\n\r\n",
      "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
      "HTTP/1.1 200 OK\r\ncontent-length: 1, 1\r\n\r\n",
      "HTTP/1.1 200 OK\r\ncontent-length:\r\n\r\n",
      "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n",
      `HTTP/1.1 200 OK\r\nx: ${"y".repeat(70_000)}`,
    ]) {
      assert.throws(() => parse(text), MalformedResponse, JSON.stringify(text.slice(0, 80)));
    }
  });
});
