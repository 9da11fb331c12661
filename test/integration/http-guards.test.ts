import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { after, before, describe, test } from "node:test";
import { until } from "../server/arbiter/support.ts";
import { RawConnection, type RawResponse } from "../support/raw-connection.ts";
import { startServer, type TestServer } from "../support/server.ts";

const app = new URL("../fixtures/http/guarded.ts", import.meta.url).pathname;

const settings = "--threads 1 --limit-body 64KiB --limit-keep-alive 6";
/** Nobody is late here, however busy the machine is. */
const patient = "--headers-timeout 1m --body-idle-timeout 1m --keep-alive 1m --timeout 1m";
/** Short, so that the tests need not wait; long enough for a client that is not late. */
const hasty = "--headers-timeout 2s --body-idle-timeout 600ms --body-min-rate 1000 --keep-alive 300ms --timeout 2s";

const host = "host: test\r\n";
const chunked = `POST / HTTP/1.1\r\n${host}transfer-encoding: chunked\r\n\r\n`;

function headers(count: number): string {
  return Array.from({ length: count }, (_, i) => `x-${i}: ${i}\r\n`).join("");
}

function upgrade(to: string): string[] {
  return [`upgrade: ${to}`, "connection: upgrade"];
}

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly names: readonly string[];
  readonly trailers: Readonly<Record<string, string>>;
  readonly bytes: number;
}

/** The answer is the last thing on its connection, and its form is heddle's own. */
async function assertLast(client: RawConnection, ...allowed: number[]): Promise<void> {
  const answer = await client.response();
  assert.ok(allowed.includes(answer.status), `got ${answer.status}, expected ${allowed.join(" or ")}`);
  assert.equal(answer.headers["connection"], "close");
  assert.match(answer.body, new RegExp(`^${answer.status} .+\\n$`));
  await client.ended();
}

describe("a server that faces the internet", () => {
  let server: TestServer;
  before(async () => {
    server = await startServer(app, `${settings} ${patient}`.split(" "));
  });
  after(() => server[Symbol.asyncDispose]());

  const open = (): Promise<RawConnection> => RawConnection.open(server.port);

  async function seen(request: string): Promise<Seen> {
    await using client = await open();
    const { status, body } = await client.write(request).response();
    assert.equal(status, 200, body);
    return JSON.parse(body) as Seen;
  }

  async function stillServes(): Promise<void> {
    assert.equal((await seen(`GET /after HTTP/1.1\r\n${host}\r\n`)).url, "/after");
  }

  /** The answer is the last thing on its connection, its form is heddle's own, and others are served. */
  async function assertRefused(client: RawConnection, ...allowed: number[]): Promise<void> {
    await assertLast(client, ...allowed);
    await stillServes();
  }

  // What overflows the parser's buffer in a second packet can't be told apart: line or header, it is too large.
  const refused: [what: string, bytes: string, ...statuses: number[]][] = [
    ["a request line longer than 8 KiB", `GET /${"a".repeat(8192)} HTTP/1.1\r\n${host}\r\n`, 414],
    ["a request line longer than all headers may be", `GET /${"a".repeat(50_000)} HTTP/1.1\r\n${host}\r\n`, 414, 431],
    ["a request line without an end", `GET /${"a".repeat(50_000)}`, 414, 431],
    ["a header block larger than 32 KiB", `GET / HTTP/1.1\r\n${host}x: ${"a".repeat(33_000)}\r\n\r\n`, 431, 414],
    ["a header block without an end", `GET / HTTP/1.1\r\n${host}x: ${"a".repeat(50_000)}`, 431, 414],
    ["101 headers", `GET / HTTP/1.1\r\n${host}${headers(100)}\r\n`, 431],
    ["a flood of trailers", `${chunked}0\r\n${headers(4000)}\r\n`, 431],
    ["a body announced too large", `POST / HTTP/1.1\r\n${host}content-length: 65537\r\n\r\n`, 413],
    ["a body that grows too large", `${chunked}10001\r\n${"a".repeat(65_537)}\r\n0\r\n\r\n`, 413],
    ["a chunk extension without an end", `${chunked}1;${"a".repeat(20_000)}\r\na\r\n0\r\n\r\n`, 413],
    [
      "content-length and transfer-encoding",
      `POST / HTTP/1.1\r\n${host}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    [
      "transfer-encoding and content-length",
      `POST / HTTP/1.1\r\n${host}transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n`,
      400,
    ],
    [
      "transfer-encoding and a content-length of 0",
      `POST / HTTP/1.1\r\n${host}content-length: 0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    ["transfer-encoding: gzip", `POST / HTTP/1.1\r\n${host}transfer-encoding: gzip\r\n\r\n`, 501],
    [
      "transfer-encoding: gzip, chunked",
      `POST / HTTP/1.1\r\n${host}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
      501,
    ],
    ["transfer-encoding: identity", `POST / HTTP/1.1\r\n${host}transfer-encoding: identity\r\n\r\n`, 501],
    ["transfer-encoding: xchunked", `POST / HTTP/1.1\r\n${host}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n`, 501],
    [
      "transfer-encoding: chunked, chunked",
      `POST / HTTP/1.1\r\n${host}transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    [
      "transfer-encoding twice",
      `POST / HTTP/1.1\r\n${host}transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n`,
      400,
    ],
    ["an empty transfer-encoding", `POST / HTTP/1.1\r\n${host}transfer-encoding:\r\n\r\n0\r\n\r\n`, 400],
    ["transfer-encoding under HTTP/1.0", `POST / HTTP/1.0\r\n${host}transfer-encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ...["4\r\ncontent-length: 4", "4, 4", "-4", "+4", "0x4", "4e0", "4 4", "", "99999999999999999999"].map(
      (length): [string, string, number] => [
        `content-length: ${JSON.stringify(length)}`,
        `POST / HTTP/1.1\r\n${host}content-length: ${length}\r\n\r\nabcd`,
        400,
      ],
    ),
    ["a bare LF after the request line", `GET / HTTP/1.1\n${host}\r\n`, 400],
    ["a bare LF after a header", `GET / HTTP/1.1\r\n${host}x: a\ny: b\r\n\r\n`, 400],
    ["a bare CR in a header", `GET / HTTP/1.1\r\n${host}x: a\ry: b\r\n\r\n`, 400],
    ["a NUL in a header", `GET / HTTP/1.1\r\n${host}x: a\0b\r\n\r\n`, 400],
    ["a folded header", `GET / HTTP/1.1\r\n${host}x: a\r\n b\r\n\r\n`, 400],
    ["a space before the colon", `POST / HTTP/1.1\r\n${host}content-length : 4\r\n\r\nabcd`, 400],
    ["a header without a name", `GET / HTTP/1.1\r\n${host}: a\r\n\r\n`, 400],
    ["no host", "GET / HTTP/1.1\r\n\r\n", 400],
    ["two hosts", `GET / HTTP/1.1\r\n${host}${host}\r\n`, 400],
    ["HTTP/2.0", `GET / HTTP/2.0\r\n${host}\r\n`, 400],
    ["HTTP/1.2", `GET / HTTP/1.2\r\n${host}\r\n`, 400],
    ["HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
    ["HTTP/0.9", "GET /\r\n\r\n", 400],
    ["a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400],
    ["a tab in the target", `GET /a\tb HTTP/1.1\r\n${host}\r\n`, 400],
    ["a chunk size with a sign", `${chunked}+1\r\na\r\n0\r\n\r\n`, 400],
    ["a chunk size in C's notation", `${chunked}0x1\r\na\r\n0\r\n\r\n`, 400],
    ["a chunk longer than its size", `${chunked}3\r\nabcdef\r\n0\r\n\r\n`, 400],
    ["a bare LF after a chunk size", `${chunked}1\na\r\n0\r\n\r\n`, 400],
    ["a bare LF in a chunk extension", `${chunked}1;a\nb\r\na\r\n0\r\n\r\n`, 400],
    ["a tunnel", `CONNECT example.com:443 HTTP/1.1\r\n${host}\r\n`, 501],
    ["a tunnel with what is to go through it", `CONNECT example.com:443 HTTP/1.1\r\n${host}\r\n\x16\x03\x01`, 501],
    ["a tunnel to what is no host", `CONNECT /x HTTP/1.1\r\n${host}\r\n`, 501, 400],
    ["an expectation it does not know", `GET / HTTP/1.1\r\n${host}expect: 200-maybe\r\n\r\n`, 417],
    [
      "such an expectation before a body",
      `POST / HTTP/1.1\r\n${host}expect: 200-maybe\r\ncontent-length: 4\r\n\r\n`,
      417,
    ],
    [
      "an upgrade with a body",
      `POST / HTTP/1.1\r\n${host}upgrade: echo\r\nconnection: upgrade\r\ncontent-length: 4\r\n\r\nabcd`,
      400,
    ],
    [
      "an upgrade with 101 headers",
      `GET / HTTP/1.1\r\n${host}upgrade: echo\r\nconnection: upgrade\r\n${headers(98)}\r\n`,
      431,
    ],
  ];
  for (const [what, bytes, ...statuses] of refused) {
    test(`answers ${what} with ${statuses.join(" or ")}, closes the connection and serves on`, async () => {
      await using client = await open();
      client.write(bytes);
      await assertRefused(client, ...statuses);
    });
  }

  describe("within the limits", () => {
    test("takes 100 headers, and hands all of them on", async () => {
      const { names } = await seen(`GET / HTTP/1.1\r\n${host}${headers(99)}\r\n`);
      assert.equal(names.length, 100);
    });

    test("takes a request line of 8 KiB", async () => {
      const url = `/${"a".repeat(8192 - "GET / HTTP/1.1".length)}`;
      assert.equal((await seen(`GET ${url} HTTP/1.1\r\n${host}\r\n`)).url, url);
    });

    test("takes a body as large as may be, announced or in chunks", async () => {
      const body = "a".repeat(65_536);
      const announced = await seen(`POST / HTTP/1.1\r\n${host}content-length: 65536\r\n\r\n${body}`);
      const inChunks = await seen(`${chunked}10000;ext=1\r\n${body}\r\n0\r\n\r\n`);
      assert.deepEqual([announced.bytes, inChunks.bytes], [65_536, 65_536]);
    });

    test("a header named __proto__ is a header like any other", async () => {
      const { headers, names } = await seen(`GET / HTTP/1.1\r\n${host}__proto__: polluted\r\nx: y\r\n\r\n`);
      assert.deepEqual(
        names.toSorted(),
        ["__proto__", "host", "x"].filter((name) => names.includes(name)),
      );
      assert.equal(headers["x"], "y");
      assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
      await stillServes();
    });

    test("trailers never become headers", async () => {
      const request = `POST / HTTP/1.1\r\n${host}transfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n`;
      const { headers, trailers } = await seen(`${request}1\r\na\r\n0\r\nx-sum: 7\r\nauthorization: evil\r\n\r\n`);
      assert.deepEqual([headers["x-sum"], headers["authorization"], headers["host"]], [undefined, undefined, "test"]);
      assert.equal(trailers["x-sum"], "7");
    });

    test("a target with a host is a path on this server, and its host is the request's", async () => {
      const { url, headers, names } = await seen(`GET http://other/x HTTP/1.1\r\n${host}\r\n`);
      assert.deepEqual([url, headers["host"], names], ["/x", "other", ["host"]]);
    });
  });

  describe("against slow clients", { concurrency: true }, () => {
    let server: TestServer;
    before(async () => {
      server = await startServer(app, `${settings} ${hasty}`.split(" "));
    });
    after(() => server[Symbol.asyncDispose]());

    const open = (): Promise<RawConnection> => RawConnection.open(server.port);

    /** The first answer on a connection that was not late, as on a busy machine anyone may be. */
    async function answered(send: (client: RawConnection) => void): Promise<[RawConnection, RawResponse]> {
      return await until(async () => {
        const client = await open();
        send(client);
        const answer = await client.response().catch(() => undefined);
        if (answer !== undefined && answer.status !== 408) return [client, answer] as [RawConnection, RawResponse];
        client.destroy();
        return undefined;
      }, "an answer in time");
    }

    async function assertRefused(client: RawConnection, ...allowed: number[]): Promise<void> {
      await assertLast(client, ...allowed);
      const [other, { status }] = await answered((each) => void each.request("GET /after HTTP/1.1"));
      other.destroy();
      assert.equal(status, 200);
    }

    test("answers headers that are not complete in time with 408, however steadily they come", async () => {
      await using client = await open();
      client.write(`GET / HTTP/1.1\r\n${host}`);
      const drip = setInterval(() => client.write("x: y\r\n"), 50);
      try {
        await assertRefused(client, 408);
      } finally {
        clearInterval(drip);
      }
    });

    test("answers a connection that never says anything with 408", async () => {
      await using client = await open();
      await assertRefused(client, 408);
    });

    test("answers headers that are late on a kept-alive connection with 408", async () => {
      await using keeping = await startServer(app, `${settings} --headers-timeout 2s --keep-alive 1m`.split(" "));
      await using client = await RawConnection.open(keeping.port);
      assert.equal((await client.request("GET / HTTP/1.1").response()).status, 200);
      client.write("GET / HTTP/1.1\r\nho");
      await assertLast(client, 408);
    });

    test("answers a body that stands still with 408, and its handler sees an error, no end", async () => {
      const mark = server.mark();
      await using client = await open();
      client.request("POST / HTTP/1.1", ["content-length: 1000"], "some");
      await assertRefused(client, 408);
      await server.waitForLog(/body failed after no more than may be/, mark);
    });

    test("answers a body below the minimum rate with 408", async () => {
      await using client = await open();
      client.request("POST / HTTP/1.1", ["content-length: 1000"]);
      const drip = setInterval(() => client.write("a"), 50);
      try {
        await assertRefused(client, 408);
      } finally {
        clearInterval(drip);
      }
    });

    test("closes the connection of a body that goes on in drops after its answer", async () => {
      const [client, { body }] = await answered(
        (each) => void each.request("POST /unread HTTP/1.1", ["content-length: 60000"]),
      );
      await using _ = client;
      assert.equal(body, "answered unread");
      const drip = setInterval(() => client.write("a"), 50);
      try {
        await client.ended();
      } finally {
        clearInterval(drip);
      }
    });

    test("closes an idle connection after the keep-alive time", async () => {
      const [client, { headers }] = await answered((each) => void each.request("GET / HTTP/1.1"));
      await using _ = client;
      assert.match(headers["keep-alive"] ?? "", /timeout=/);
      await client.ended();
    });

    test("closes a kept-alive connection that sends empty lines and no request", async () => {
      const [client] = await answered((each) => void each.request("GET / HTTP/1.1"));
      await using _ = client;
      const drip = setInterval(() => client.write("\r\n"), 100);
      try {
        await client.ended();
      } finally {
        clearInterval(drip);
      }
    });

    test("answers 504 when it is the app that does not read the body", async () => {
      await using client = await open();
      client.request("POST /never-reads HTTP/1.1", ["content-length: 60000"], "a".repeat(50_000));
      await assertRefused(client, 504);
    });

    test("takes a body that goes on steadily after its answer to its end", async () => {
      const brief = "--headers-timeout 600ms --keep-alive 300ms";
      await using steady = await startServer(app, `${settings} ${brief}`.split(" "));
      await until(async () => {
        await using client = await RawConnection.open(steady.port);
        client.request("POST /unread HTTP/1.1", ["content-length: 60000"]);
        const { status, body } = await client.response();
        if (status === 408) return false;
        assert.equal(body, "answered unread");
        // Longer than an idle connection lives, and headers may take.
        for (let sent = 0; sent < 60_000; sent += 500) {
          client.write("a".repeat(500));
          if (sent === 59_500) client.request("GET /unread HTTP/1.1");
          await sleep(20);
        }
        assert.equal((await client.response()).body, "answered unread");
        return true;
      }, "a request in time");
    });
  });

  test("answers a body that is nearly all chunk extensions with 413", async () => {
    await using client = await open();
    client.write(chunked);
    const drip = setInterval(() => client.write(`1;${"e".repeat(8000)}\r\na\r\n`), 20);
    try {
      await assertRefused(client, 413);
    } finally {
      clearInterval(drip);
    }
  });

  describe("a body too large", () => {
    test("is refused so that a client which goes on sending can read it", async () => {
      await using client = await open();
      client.request("POST / HTTP/1.1", ["content-length: 50000000"]);
      for (let sent = 0; sent < 4; sent++) client.write(Buffer.alloc(1024 * 1024));
      await assertRefused(client, 413);
      assert.equal(client.error, undefined);
    });

    test("is refused in the middle, and its handler sees an error, no end", async () => {
      const mark = server.mark();
      await using client = await open();
      client.write(chunked);
      for (let sent = 0; sent < 3; sent++) client.write(`8000\r\n${"a".repeat(0x8000)}\r\n`);
      client.write("0\r\n\r\n");
      await assertRefused(client, 413);
      await server.waitForLog(/body failed after no more than may be: .*larger than the limit/, mark);
    });

    test("that was announced with Expect is refused without being asked for", async () => {
      await using client = await open();
      client.request("POST / HTTP/1.1", ["content-length: 65537", "expect: 100-continue"]);
      await assertRefused(client, 413);
    });
  });

  test("a client that waits for 100 Continue is asked for its body", async () => {
    await using client = await open();
    client.request("POST / HTTP/1.1", ["content-length: 4", "expect: 100-continue"]);
    assert.equal((await client.response()).status, 100);
    const { status, body } = await client.write("body").response();
    assert.deepEqual([status, (JSON.parse(body) as Seen).bytes], [200, 4]);
  });

  test("a connection is closed after as many requests as it may have", async () => {
    await using client = await open();
    for (let request = 1; request <= 6; request++) {
      const { status, headers } = await client.request("GET / HTTP/1.1").response();
      assert.equal(status, 200);
      assert.equal(headers["connection"] === "close", request === 6);
    }
    await client.ended();
  });

  describe("pipelined requests", () => {
    test("are answered in their order, also when the first is the slowest", async () => {
      await using client = await open();
      client
        .request("GET /slow HTTP/1.1")
        .request("GET /b HTTP/1.1")
        .request("POST /c HTTP/1.1", ["content-length: 3"], "abc");
      assert.equal((await client.response()).body, "slow");
      const urls = [await client.response(), await client.response()].map(({ body }) => (JSON.parse(body) as Seen).url);
      assert.deepEqual(urls, ["/b", "/c"]);
    });

    test("are answered before something after them that is no request is refused", async () => {
      await using client = await open();
      client.request("GET /slow HTTP/1.1").request("GET /b HTTP/1.1").write("no request at all\r\n\r\n");
      assert.equal((await client.response()).body, "slow");
      assert.equal((JSON.parse((await client.response()).body) as Seen).url, "/b");
      await assertRefused(client, 400);
    });

    test("are not run any more after the last that its connection may have", async () => {
      const mark = server.mark();
      await using client = await open();
      for (let request = 1; request <= 6; request++) client.request("GET / HTTP/1.1");
      client.request("GET /tell?too-late HTTP/1.1");
      for (let request = 1; request <= 6; request++) assert.equal((await client.response()).status, 200);
      await client.ended();
      await seen(`GET /tell?marker HTTP/1.1\r\n${host}\r\n`);
      await server.waitForLog(/ran \/tell\?marker/, mark);
      assert.doesNotMatch(server.output(mark), /ran \/tell\?too-late/);
    });

    test("are answered before a tunnel after them is refused, however large their answers", async () => {
      await using client = await open();
      client.request("GET /large HTTP/1.1").request("CONNECT example.com:443 HTTP/1.1");
      assert.equal((await client.response()).body.length, 16 * 1024 * 1024);
      await assertRefused(client, 501);
    });

    test("are answered before an upgrade after them, which the app accepts or refuses", async () => {
      for (const [to, status] of [["echo", 101] as const, ["unknown", 400] as const]) {
        await using client = await open();
        client.request("GET /slow HTTP/1.1").request("GET / HTTP/1.1", upgrade(to), "early ");
        assert.equal((await client.response()).body, "slow");
        assert.equal((await client.response()).status, status);
        client.write("and late").socket.end();
        assert.equal(await client.rest(), status === 101 ? "early and late" : "");
      }
    });

    test("end with the first that is refused for its form", async () => {
      await using client = await open();
      client
        .request("GET /slow HTTP/1.1")
        .request("POST /x HTTP/1.1", ["content-length: 65537"])
        .request("GET / HTTP/1.1");
      assert.equal((await client.response()).body, "slow");
      await assertRefused(client, 413);
    });
  });

  describe("an upgrade", () => {
    test("that the app accepts switches, with the bytes that came along", async () => {
      await using client = await open();
      client.request("GET / HTTP/1.1", upgrade("echo"), "early ");
      assert.equal((await client.response()).status, 101);
      client.write("and late").socket.end();
      assert.equal(await client.rest(), "early and late");
    });

    test("that the app does not know is the app's to refuse", async () => {
      await using client = await open();
      assert.equal((await client.request("GET / HTTP/1.1", upgrade("unknown")).response()).status, 400);
      await client.ended();
      await stillServes();
    });

    test("to HTTP/2 is not taken up: the request is answered as it is", async () => {
      await using client = await open();
      const { status } = await client.request("GET / HTTP/1.1", [...upgrade("h2c"), "http2-settings: AAA"]).response();
      assert.equal(status, 200);
    });

    test("in HTTP/1.0 is ignored, and the request answered", async () => {
      const { url, headers } = await seen(`GET /plain HTTP/1.0\r\n${host}upgrade: echo\r\nconnection: upgrade\r\n\r\n`);
      assert.deepEqual([url, headers["upgrade"]], ["/plain", "echo"]);
    });

    test("that is reset by its client leaves the server standing", async () => {
      await using client = await open();
      client.request("GET / HTTP/1.1", upgrade("echo"));
      await client.response();
      client.socket.resetAndDestroy();
      await stillServes();
    });
  });

  test("nothing of all this was an error of the server", () => {
    assert.doesNotMatch(server.stderr(), /"level":(50|60)/);
  });
});
