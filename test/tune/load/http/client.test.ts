/** Connection and parser against real sockets: every framing in pieces, and every way to fail. */
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Answer, Client } from "../../../../src/tune/load/http/client.ts";
import type { Target } from "../../../../src/tune/load/http/connection.ts";
import { http, raw, refused } from "../servers.ts";

const REQUEST = Buffer.from("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
const PATIENCE_MS = 20_000;

const FRAMINGS: Readonly<Record<string, string>> = {
  length: "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
  chunked: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\nt: 1\r\n\r\n",
  interim: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
  close: "HTTP/1.1 200 OK\r\n\r\nhello",
  "announced close": "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello",
  "1.0": "HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello",
};
/** Without a line break, as what other protocols send at first. */
const TLS_ALERT = Buffer.from([21, 3, 3, 0, 2, 2, 70]);
const HTTP2_SETTINGS = Buffer.from([0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 255, 255]);
const ENDING = new Set(["close", "announced close", "1.0"]);

async function ask(target: Target, timeoutMs = PATIENCE_MS): Promise<Answer> {
  const client = new Client(target, 256);
  try {
    return await client.request(REQUEST, timeoutMs);
  } finally {
    client.close();
  }
}

/** Writes the text in pieces of random length, each of which the other side reads by itself. */
async function writeInPieces(socket: Socket, text: string): Promise<void> {
  for (let from = 0; from < text.length; ) {
    const to = from + 1 + Math.floor(Math.random() * 20);
    await new Promise((resolve) => socket.write(text.slice(from, to), "latin1", resolve));
    await new Promise((resolve) => setImmediate(resolve));
    from = to;
  }
}

function failureOf(answer: Answer): string {
  return answer.complete ? `complete: ${answer.response.status}` : answer.failure;
}

describe("a client of the generator", { concurrency: true }, () => {
  for (const [name, text] of Object.entries(FRAMINGS)) {
    it(`reads an answer framed by ${name}, cut at random places`, async () => {
      const ends = ENDING.has(name);
      const target = await raw((socket) => void writeInPieces(socket, text).then(() => ends && socket.end()));
      const client = new Client(target, 256);
      for (let round = 0; round < (ends ? 1 : 5); round++) {
        const answer = await client.request(REQUEST, PATIENCE_MS);
        assert.ok(answer.complete, JSON.stringify(answer));
        assert.equal(answer.response.status, 200);
        assert.equal(answer.response.body, "hello");
        assert.equal(client.usable, !ends);
      }
      client.close();
    });
  }

  it("reads the answer of a real server to HEAD, and a 204, and goes on with the same connection", async () => {
    const sockets = new Set<Socket>();
    const target = await http((request, response) => {
      sockets.add(request.socket);
      if (request.url === "/none") response.writeHead(204).end();
      else response.writeHead(200, { "content-length": 5 }).end(request.method === "HEAD" ? undefined : "hello");
    });
    const client = new Client(target, 256);
    const send = async (method: string, path: string): Promise<string> => {
      const bytes = Buffer.from(`${method} ${path} HTTP/1.1\r\nhost: a\r\n\r\n`);
      const answer = await client.request(bytes, PATIENCE_MS, method === "HEAD");
      return answer.complete ? `${answer.response.status} ${answer.response.body}` : answer.failure;
    };
    assert.equal(await send("HEAD", "/"), "200 ");
    assert.equal(await send("GET", "/none"), "204 ");
    assert.equal(await send("GET", "/"), "200 hello");
    assert.equal(client.answered, 3);
    assert.equal(sockets.size, 1);
    client.close();
  });

  it("takes what comes behind a 101 for the other protocol's", async () => {
    const frame = Buffer.from([0x81, 2, 0x68, 0x69]);
    const head = Buffer.from("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n");
    const target = await raw((socket) => socket.write(Buffer.concat([head, frame])));
    assert.equal(failureOf(await ask(target)), "complete: 101");
  });

  it("reads an answer of many megabytes", async () => {
    const bytes = 8 * 1024 * 1024;
    const target = await http((_request, response) => response.end(Buffer.alloc(bytes, "x")));
    const answer = await ask(target);
    assert.ok(answer.complete);
    assert.equal(answer.response.bodyBytes, bytes);
  });

  it("speaks to a Unix socket", async () => {
    const unix = join(tmpdir(), `heddle-client-${process.pid}.sock`);
    const server: Server = createServer((socket) => socket.on("data", () => socket.write(FRAMINGS["length"]!)));
    await new Promise<void>((resolve) => void server.listen(unix, resolve));
    try {
      assert.equal(failureOf(await ask({ host: "a", port: 80, unix })), "complete: 200");
      assert.equal(failureOf(await ask({ host: "a", port: 80, unix: `${unix}.none` })), "refused");
    } finally {
      server.close();
      await rm(unix, { force: true });
    }
  });

  const faults: readonly [name: string, target: () => Promise<Target>, failure: string][] = [
    ["nobody listens", refused, "refused"],
    ["the connection ends before the answer", () => raw((socket) => socket.destroy()), "reset"],
    ["the connection is reset before the answer", () => raw((socket) => socket.resetAndDestroy()), "reset"],
    ["the answer stops in the middle", () => raw((socket) => socket.end(FRAMINGS["length"]!.slice(0, -1))), "cut"],
    [
      "the last chunk is missing",
      () => raw((socket) => socket.end("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n")),
      "cut",
    ],
    ["the head stops in the middle", () => raw((socket) => socket.end("HTTP/1.1 200 OK\r\ncont")), "cut"],
    ["there is no such host", async () => ({ host: "no-such-host.invalid", port: 80 }), "unknown"],
    ["it does not speak TLS", async () => ({ ...(await http((_, response) => response.end())), tls: true }), "tls"],
    ["it is no HTTP", () => raw((socket) => socket.write("SSH-2.0-OpenSSH\r\n")), "malformed"],
    ["it speaks TLS", () => raw((socket) => socket.end(TLS_ALERT)), "malformed"],
    ["it speaks HTTP/2 alone", () => raw((socket) => socket.write(HTTP2_SETTINGS)), "malformed"],
    ["there is more than the answer", () => raw((socket) => socket.write(`${FRAMINGS["length"]!}more`)), "malformed"],
  ];
  for (const [name, target, failure] of faults) {
    it(`says ${failure} when ${name}`, async () => assert.equal(failureOf(await ask(await target())), failure));
  }

  it("does not take a reset for the end of a body that ends with its connection", async () => {
    const target = await raw((socket) => socket.write("HTTP/1.0 200 OK\r\n\r\nhel", () => socket.resetAndDestroy()));
    assert.match(failureOf(await ask(target)), /^(cut|reset)$/);
  });

  it("says timeout when no answer comes in time, and when one stops coming", async () => {
    assert.equal(failureOf(await ask(await raw(() => {}), 50)), "timeout");
    assert.equal(failureOf(await ask(await raw((socket) => socket.write("HTTP/1.1 200 OK\r\n")), 50)), "timeout");
  });

  it("isn't usable after an idle connection was closed, or got bytes that nobody asked for", async () => {
    const closes = await raw((socket) => socket.write(FRAMINGS["length"]!, () => setImmediate(() => socket.end())));
    const sends = await raw((socket) => {
      socket.write(FRAMINGS["length"]!, () =>
        setTimeout(() => socket.write("HTTP/1.1 408 Request Timeout\r\n\r\n"), 20),
      );
    });
    for (const target of [closes, sends]) {
      const client = new Client(target, 0);
      assert.equal(failureOf(await client.request(REQUEST, PATIENCE_MS)), "complete: 200");
      while (client.usable) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.equal(failureOf(await client.request(REQUEST, PATIENCE_MS)), "reset");
    }
  });
});
