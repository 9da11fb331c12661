import assert from "node:assert/strict";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { describe, test } from "node:test";
import { BodyGuard, type Head, inspectHead, type RequestLimits } from "../../../../src/server/http/parse/limits.ts";

const limits: RequestLimits = {
  requestLineBytes: 64,
  headerCount: 4,
  bodyBytes: 1000,
  bodyIdleTimeoutMs: 1000,
  bodyMinRateBytes: 100,
};

interface Form {
  readonly method?: string;
  readonly url?: string;
  readonly minor?: number;
  readonly major?: number;
  readonly headers: readonly string[];
}

function head({ method = "GET", url = "/", major = 1, minor = 1, headers }: Form): IncomingMessage {
  const req = new IncomingMessage(new Socket());
  Object.assign(req, { method, url, httpVersionMajor: major, httpVersionMinor: minor, rawHeaders: headers });
  return req;
}

describe("a request's head", () => {
  const host = ["Host", "a"];
  const cases: [name: string, form: Form, verdict: Head][] = [
    ["without a body", { headers: host }, "no-body"],
    ["with an empty body", { headers: [...host, "Content-Length", "0"] }, "no-body"],
    ["with a body", { headers: [...host, "content-LENGTH", "1000"] }, "body"],
    ["with a body too large", { headers: [...host, "Content-Length", "1001"] }, "BODY_TOO_LARGE"],
    ["with a chunked body", { headers: [...host, "Transfer-Encoding", "Chunked"] }, "body"],
    ["with a compressed body", { headers: [...host, "Transfer-Encoding", "gzip, chunked"] }, "FRAMING_UNSUPPORTED"],
    ["with an unknown coding", { headers: [...host, "Transfer-Encoding", "xchunked"] }, "FRAMING_UNSUPPORTED"],
    [
      "with a coding that was abolished",
      { headers: [...host, "Transfer-Encoding", "identity"] },
      "FRAMING_UNSUPPORTED",
    ],
    ["chunked under HTTP/1.0", { minor: 0, headers: ["Transfer-Encoding", "chunked"] }, "BAD_REQUEST"],
    ["with as many headers as may be", { headers: [...host, "a", "1", "b", "1", "c", "1"] }, "no-body"],
    ["with one header too many", { headers: [...host, "a", "1", "b", "1", "c", "1", "d", "1"] }, "TOO_MANY_HEADERS"],
    ["with the longest request line", { url: `/${"a".repeat(50)}`, headers: host }, "no-body"],
    ["with a longer request line", { url: `/${"a".repeat(51)}`, headers: host }, "REQUEST_LINE_TOO_LONG"],
    ["without a host", { headers: [] }, "BAD_REQUEST"],
    ["with two hosts", { headers: [...host, "HOST", "b"] }, "BAD_REQUEST"],
    ["with an empty host", { headers: ["Host", ""] }, "no-body"],
    ["without a host under HTTP/1.0", { minor: 0, headers: [] }, "no-body"],
    ["with two hosts under HTTP/1.0", { minor: 0, headers: [...host, ...host] }, "BAD_REQUEST"],
    ["with a target that has a fragment", { url: "/a#b", headers: host }, "BAD_REQUEST"],
    [
      "with all that a browser leaves as it is in a target",
      { url: "/a|b^[]{}\"'<>`\\?a=[]|", headers: host },
      "no-body",
    ],
    ["with a host and a port", { headers: ["Host", "a:80"] }, "no-body"],
    ["with a host that is none", { headers: ["Host", "a@b"] }, "BAD_REQUEST"],
    ["with a host that is none under HTTP/1.0", { minor: 0, headers: ["Host", "a, b"] }, "BAD_REQUEST"],
    ["with a whole URL for a target", { url: "http://a/x", headers: host }, "no-body"],
    ["with such a target and no host", { url: "http://a/x", headers: [] }, "BAD_REQUEST"],
    ["with such a target and a host that is none", { url: "http://a/x", headers: ["Host", "a/b"] }, "BAD_REQUEST"],
    ["with a target that is none", { url: "mailto:x", headers: host }, "BAD_REQUEST"],
    ["that claims to be HTTP/2", { major: 2, minor: 0, headers: host }, "BAD_REQUEST"],
    ["with a header as long as one that counts", { headers: [...host, "Content-Weight", "x", "Same", "y"] }, "no-body"],
  ];
  for (const [name, form, verdict] of cases) {
    test(`${name}: ${verdict}`, () => assert.equal(inspectHead(head(form), limits), verdict));
  }

  test("limits that are off limit nothing", () => {
    const off = { ...limits, headerCount: 0, bodyBytes: 0 };
    const headers = [...host, "Content-Length", "999999999", ...Array.from({ length: 400 }, () => "x")];
    assert.equal(inspectHead(head({ headers }), off), "body");
  });
});

interface Watched {
  readonly req: IncomingMessage;
  readonly guard: BodyGuard;
  readonly refusals: number;
  receivedBytes: number;
}

function watch(changed: Partial<RequestLimits> = {}): Watched {
  const req = head({ method: "POST", headers: [] });
  const socket = { bytesRead: 500, destroyed: false };
  Object.defineProperty(req, "socket", { value: socket });
  let refusals = 0;
  const guard = new BodyGuard(req, { ...limits, ...changed }, 0, {
    onTooLarge: () => refusals++,
    onComplete: () => {},
  });
  return {
    req,
    guard,
    get refusals() {
      return refusals;
    },
    get receivedBytes() {
      return socket.bytesRead;
    },
    set receivedBytes(bytes) {
      socket.bytesRead = bytes;
    },
  };
}

/** The client sends and the app reads at once. */
function send({ req }: Watched, bytes: number): void {
  req.push(Buffer.alloc(bytes));
  req.read();
}

describe("the guard of a body", () => {
  test("a body that stands still for longer than it may is too late", () => {
    const watched = watch();
    send(watched, 500);
    assert.equal(watched.guard.sweep(500, true), "arriving");
    assert.equal(watched.guard.sweep(1500, true), "arriving");
    assert.equal(watched.guard.sweep(1501, true), "BODY_TIMEOUT");
  });

  test("one byte now and then is no standing still, but below the minimum rate", () => {
    const watched = watch();
    for (let nowMs = 100; nowMs <= 1000; nowMs += 100) {
      send(watched, 1);
      assert.equal(watched.guard.sweep(nowMs, true), "arriving");
    }
    send(watched, 1);
    assert.equal(watched.guard.sweep(1100, true), "BODY_TIMEOUT");
  });

  test("a steady body above the minimum rate goes on for as long as it takes", () => {
    const watched = watch({ bodyBytes: 0 });
    for (let nowMs = 100; nowMs <= 20_000; nowMs += 100) {
      send(watched, 11);
      assert.equal(watched.guard.sweep(nowMs, true), "arriving");
    }
  });

  test("while the app does not read, the time is the app's", () => {
    const watched = watch();
    watched.req.push(Buffer.alloc(200));
    assert.equal(watched.guard.sweep(100, true), "arriving");
    assert.equal(watched.guard.sweep(60_000, true), "unread");
    assert.equal(watched.guard.arrivingUntilMs, 100);
    watched.req.read();
    assert.equal(watched.guard.sweep(60_500, true), "arriving");
    assert.equal(watched.guard.sweep(61_501, true), "BODY_TIMEOUT");
  });

  test("a body nobody has asked for yet is not late", () => {
    const watched = watch();
    assert.equal(watched.guard.sweep(60_000, false), "unread");
    assert.equal(watched.guard.sweep(60_100, true), "arriving");
    assert.equal(watched.guard.sweep(61_101, true), "BODY_TIMEOUT");
  });

  test("a complete body is not judged any more", () => {
    const watched = watch();
    watched.req.complete = true;
    assert.equal(watched.guard.sweep(60_000, true), "complete");
  });

  test("time limits that are off limit nothing", () => {
    const watched = watch({ bodyIdleTimeoutMs: 0 });
    assert.equal(watched.guard.sweep(1e9, true), "arriving");
  });

  test("a body may be as large as the limit; what is more is told once and reaches the app neither as data nor as end", () => {
    const watched = watch();
    const { req } = watched;
    let bytes = 0;
    let ended = false;
    req.push(Buffer.alloc(1000));
    assert.equal(watched.refusals, 0);
    assert.equal(req.push(Buffer.alloc(1)), true, "the parser goes on");
    assert.equal(req.push(Buffer.alloc(1)), true);
    req.push(null);
    req.on("end", () => (ended = true));
    for (let chunk = req.read() as Buffer | null; chunk !== null; chunk = req.read() as Buffer | null)
      bytes += chunk.length;
    assert.deepEqual([watched.refusals, bytes, ended, req.readableEnded], [1, 1000, false, false]);
  });

  test("a body that is mostly framing is refused", () => {
    const watched = watch();
    send(watched, 100);
    watched.receivedBytes = 500 + 100 + 16 * 1024 + 1600;
    assert.equal(watched.guard.sweep(100, true), "arriving");
    watched.receivedBytes += 1;
    assert.equal(watched.guard.sweep(200, true), "BODY_TOO_LARGE");
  });

  test("a body in chunks of one byte is not mostly framing", () => {
    const watched = watch({ bodyBytes: 0 });
    for (let nowMs = 100; nowMs < 10_000; nowMs += 100) {
      send(watched, 1000);
      watched.receivedBytes += 1000 * "1\r\nx\r\n".length;
      assert.equal(watched.guard.sweep(nowMs, true), "arriving");
    }
  });
});
