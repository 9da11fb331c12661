import assert from "node:assert/strict";
import { test } from "node:test";
import { ResponseSplitter } from "../../../../src/server/http/sticky/response-splitter.ts";

interface Found {
  readonly interims: number[];
  status: number;
  framing: string;
  keepsAlive: boolean;
  text: string;
  ended: boolean;
  rest: string;
}

/** Feeds `text` in pieces of `step` bytes. */
function split(text: string, { method = "GET", step = text.length, finish = false } = {}): Found {
  const found: Found = { interims: [], status: 0, framing: "", keepsAlive: false, text: "", ended: false, rest: "" };
  const splitter = new ResponseSplitter(method, {
    interim: (status, head) => {
      found.interims.push(status);
      found.text += head;
    },
    head: (head) => {
      const { status, framing, keepsAlive } = head;
      Object.assign(found, { status, framing, keepsAlive });
      found.text += head.text;
    },
    body: (bytes) => (found.text += Buffer.from(bytes).toString("latin1")),
    end: () => {
      assert.equal(found.ended, false, "it ends once");
      found.ended = true;
    },
  });
  const bytes = Buffer.from(text, "latin1");
  for (let at = 0; at < bytes.length; at += step)
    found.rest += splitter.push(bytes.subarray(at, at + step)).toString("latin1");
  if (finish) found.ended = splitter.finish();
  return found;
}

const HEAD = "HTTP/1.1 200 OK\r\nX-A: 1\r\n";
const responses = {
  "by length": `${HEAD}Content-Length: 5\r\nConnection: keep-alive\r\n\r\nhello`,
  "empty by length": `${HEAD}content-length: 0\r\n\r\n`,
  "in chunks": `${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1a;x=y\r\n${"a".repeat(26)}\r\n0\r\n\r\n`,
  "in chunks with trailers": `${HEAD}Transfer-Encoding: chunked\r\nTrailer: t\r\n\r\n1\r\na\r\n0\r\nt: 1\r\nu: 2\r\n\r\n`,
  "without a body": "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
  "after interim ones": `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${HEAD}Content-Length: 1\r\n\r\na`,
};

for (const [name, text] of Object.entries(responses)) {
  test(`a response ${name} ends where it ends, however its bytes come`, () => {
    for (const step of [1, 2, 3, 7, text.length]) {
      const found = split(text, { step });
      assert.equal(found.text, text, `in steps of ${step}`);
      assert.ok(found.ended);
      const behind = split(`${text}HTTP/1.1 `, { step: text.length + 9 });
      assert.deepEqual([behind.text, behind.rest], [text, "HTTP/1.1 "]);
      assert.equal(split(text.slice(0, -1), { step, finish: true }).ended, false, "a part of it does not");
    }
  });
}

test("a response to HEAD has no body, whatever its length says", () => {
  const text = `${HEAD}Content-Length: 500\r\n\r\n`;
  assert.deepEqual([split(text, { method: "HEAD" }).ended, split(text).ended], [true, false]);
});

test("a response without a length ends with its connection", () => {
  const text = `${HEAD}Connection: close\r\n\r\nsome`;
  const found = split(text, { finish: true });
  assert.deepEqual([found.text, found.ended, found.framing, found.keepsAlive], [text, true, "close", false]);
});

test("the connection goes on unless the head says close", () => {
  assert.equal(split(responses["by length"]).keepsAlive, true);
  assert.equal(split(responses["by length"].replace("keep-alive", "Close")).keepsAlive, false);
});

test("what is no response is an error", () => {
  assert.throws(() => split("SSH-2.0-OpenSSH\r\n\r\n"), /does not begin with a status line/);
  assert.throws(() => split(`${HEAD}Transfer-Encoding: chunked\r\n\r\nnope\r\n`), /no size/);
});
