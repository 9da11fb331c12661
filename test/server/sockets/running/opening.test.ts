/** Which handshakes are accepted, and what the others are told. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { type SocketOptions, type SocketRequest, socketActor, type Verdict } from "../../../../src/index.ts";
import { closePayload, OPCODE } from "../../../support/frame-client.ts";
import { RawConnection } from "../../../support/raw-connection.ts";
import { SocketServer } from "../support.ts";

const waits = (options: SocketOptions = {}): ReturnType<typeof socketActor> =>
  socketActor(async (self) => {
    await self.receive();
  }, options);

describe("a handshake", () => {
  for (const [what, headers, status] of [
    ["without a version", ["sec-websocket-version: -"], 426],
    ["of another version", ["sec-websocket-version: 8"], 426],
    ["without a key", ["sec-websocket-key: -"], 400],
    ["with a key that is too short", ["sec-websocket-key: c2hvcnQ="], 400],
    [
      "with two keys",
      ["sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="],
      400,
    ],
    ["with a malformed subprotocol", ["sec-websocket-protocol: a b"], 400],
    ["with an empty subprotocol", ["sec-websocket-protocol: a,,b"], 400],
    ["with the same subprotocol twice", ["sec-websocket-protocol: a, a"], 400],
    ["of a page of another host", ["origin: https://evil.example"], 403],
    ["of a page without an origin", ["origin: null"], 403],
    ["with a malformed origin", ["origin: test"], 403],
    ["of a page of this host at another port", ["origin: http://test:81"], 403],
  ] as const) {
    test(`${what} is answered by ${status}`, async () => {
      await using server = await SocketServer.start(waits());
      await using client = await server.connect("/", headers);
      assert.equal(client.answer.status, status);
      if (status === 426) assert.equal(client.answer.headers["sec-websocket-version"], "13");
      assert.deepEqual(server.records, [{ id: "id-1", url: "/", route: "*", status, socket: undefined }]);
      assert.equal(server.open, 0);
    });
  }

  for (const [what, origins, origin] of [
    ["of a page of this host", "same", "http://test"],
    ["of a page of this host behind a proxy that does TLS", "same", "https://test"],
    ["of a page of this host, whose port is written", "same", "http://test:80"],
    ["of any page, if that is chosen", "any", "https://other.example"],
    ["of a page in the list", ["https://a.example", "https://b.example:444"], "https://b.example:444"],
  ] as const) {
    test(`${what} is accepted`, async () => {
      await using server = await SocketServer.start(waits({ origins }));
      await using client = await server.connect("/", [`origin: ${origin}`]);
      assert.equal(client.answer.status, 101);
    });
  }

  test("gets the accept key that the standard has as an example, and no subprotocol that was not offered", async () => {
    await using server = await SocketServer.start(waits({ protocols: ["chat"] }));
    await using client = await server.connect("/", [
      "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
      "sec-websocket-protocol: other",
    ]);
    assert.equal(client.answer.headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert.equal(client.answer.headers["sec-websocket-protocol"], undefined);
  });

  test("beyond the limit of sockets is closed with 1013, until one of them has ended", async () => {
    await using server = await SocketServer.start(waits({ sockets: 1 }));
    await using first = await server.connect();
    await using second = await server.connect();
    assert.equal(first.answer.status, 101);
    assert.equal(second.answer.status, 101);
    assert.deepEqual(await second.closed(), [1013, "too many sockets"]);
    await second.raw.ended();
    second.raw.socket.end();
    first.send(OPCODE.close, closePayload(1000)).raw.socket.end();
    await server.until(({ open }) => open === 0);
    await using third = await server.connect();
    third.send(OPCODE.ping, "x");
    assert.equal((await third.frame())!.opcode, OPCODE.pong);
  });
});

describe("accept", () => {
  const deciding = (accept: (request: SocketRequest) => Verdict | Promise<Verdict>): ReturnType<typeof socketActor> =>
    waits({ accept });

  test("sees the request, and may take its time", async () => {
    let seen: unknown;
    const kind = deciding(async ({ url, headers }) => {
      await Promise.resolve();
      seen = [url, headers["cookie"]];
      return true;
    });
    await using server = await SocketServer.start(kind);
    await using client = await server.connect("/chat?x=1", ["cookie: id=7"]);
    assert.equal(client.answer.status, 101);
    assert.deepEqual(seen, ["/chat?x=1", "id=7"]);
  });

  test("sees the host of the request in its URL, whatever the path", async () => {
    const seen: string[] = [];
    const kind = deciding(({ parsedUrl }) => seen.push(parsedUrl.href) > 0);
    await using server = await SocketServer.start(kind);
    for (const path of ["/a?b=1", "//other/a", "//"]) {
      await using client = await server.connect(path, ["host: example.org"]);
      assert.equal(client.answer.status, 101);
    }
    assert.deepEqual(seen, ["http://example.org/a?b=1", "http://example.org//other/a", "http://example.org//"]);
  });

  test("may refuse, with an answer of its own", async () => {
    await using plain = await SocketServer.start(deciding(() => false));
    await using first = await plain.connect();
    assert.equal(first.answer.status, 403);
    const refusal = { status: 401, headers: { "www-authenticate": "Basic" }, body: "who?" };
    await using own = await SocketServer.start(deciding(() => refusal));
    await using second = await own.connect();
    assert.deepEqual(
      [second.answer.status, second.answer.headers["www-authenticate"], second.answer.body],
      [401, "Basic", "who?"],
    );
  });

  for (const [how, accept] of [
    [
      "throws",
      () => {
        throw new Error("on purpose");
      },
    ],
    ["rejects", () => Promise.reject(new Error("on purpose"))],
    ["gives nothing that it may", () => "yes" as never],
    ["gives a body that is no text", () => ({ status: 401, body: {} as never })],
    ["gives headers that HTTP does not allow", () => ({ status: 401, headers: { x: "1\r\nset-cookie: a=b" } })],
    ["gives a header whose name is none", () => ({ status: 401, headers: { "a b": "1" } })],
  ] as const) {
    test(`that ${how} is a 500, and is logged`, async () => {
      await using server = await SocketServer.start(deciding(accept));
      await using client = await server.connect();
      assert.equal(client.answer.status, 500);
      assert.equal(server.failures[0]!.message, "accepting a WebSocket failed");
    });
  }

  test("that takes too long is a 504", async () => {
    const kind = deciding(() => new Promise(() => {}));
    await using server = await SocketServer.start(kind, { handshakeTimeoutMs: 1 });
    await using client = await server.connect();
    assert.equal(client.answer.status, 504);
  });

  test("that takes a client in which has ended its side meanwhile ends the connection, and no actor begins", async () => {
    const verdict = Promise.withResolvers<boolean>();
    const asked = Promise.withResolvers<void>();
    let began = false;
    const kind = socketActor(() => (began = true), {
      accept: () => {
        asked.resolve();
        return verdict.promise;
      },
    });
    await using server = await SocketServer.start(kind);
    await using client = await RawConnection.open(server.port);
    client.request("GET / HTTP/1.1", [
      "connection: upgrade",
      "upgrade: websocket",
      "sec-websocket-version: 13",
      "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    ]);
    await asked.promise;
    const ended = once(server.streams[0]!, "end");
    client.socket.end();
    await ended;
    verdict.resolve(true);
    await client.ended();
    assert.ok(!began);
  });

  test("is not asked about a handshake that is refused anyway", async () => {
    let asked = false;
    await using server = await SocketServer.start(deciding(() => (asked = true)));
    await using client = await server.connect("/", ["origin: https://evil.example"]);
    assert.equal(client.answer.status, 403);
    assert.ok(!asked);
  });

  test("that decides when the thread drains already is a 503", async () => {
    const verdict = Promise.withResolvers<boolean>();
    const asked = Promise.withResolvers<void>();
    const kind = deciding(() => {
      asked.resolve();
      return verdict.promise;
    });
    await using server = await SocketServer.start(kind);
    const connecting = server.connect();
    await asked.promise;
    server.drain("restart");
    verdict.resolve(true);
    await using client = await connecting;
    assert.equal(client.answer.status, 503);
  });
});
