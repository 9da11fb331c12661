/** Upgrades that nobody takes, and tunnels: requests before and after them on the connection are answered as usual. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { connect } from "node:tls";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { makeCertificate } from "../server/arbiter/support.ts";
import { inTime } from "../support/in-time.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { startServer, type TestServer } from "../support/server.ts";

const app = fileURLToPath(new URL("../fixtures/http/pipelined.ts", import.meta.url));

const get = (path: string, ...headers: string[]): string =>
  [`GET ${path} HTTP/1.1`, "host: test", ...headers, "", ""].join("\r\n");
const offer = ["connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAEAAEAAAAIAAAAB"];
const smuggled = get("/?id=smuggled");

for (const model of ["loop", "threads", "thread-per-request"] as const) {
  describe(`requests that would leave HTTP under ${model}`, () => {
    let server: TestServer;
    before(async () => {
      server = await startServer(app, ["-m", model, "-t", "3"]);
    });
    after(() => server.stop());

    for (const [name, headers] of [
      ["h2c", offer],
      ["a WebSocket", ["connection: upgrade", "upgrade: websocket"]],
    ] as const) {
      test(`the body behind an offer of ${name} is no request, however it is cut`, async () => {
        for (const cut of [0, 1, 10]) {
          const mark = server.mark();
          await using client = await RawConnection.open(server.port);
          const post = `POST /?id=b HTTP/1.1\r\nhost: test\r\ncontent-length: ${smuggled.length + cut}\r\n\r\n`;
          client.write(get("/?id=a", ...headers) + post + "x".repeat(cut));
          assert.equal((await client.response()).body, "GET a 0");
          client.write(smuggled);
          assert.equal((await client.response()).body, `POST b ${smuggled.length + cut}`);
          client.write(get("/?id=c", "connection: close"));
          assert.equal((await client.response()).body, "GET c 0");
          await client.ended();
          assert.doesNotMatch(server.output(mark), /smuggled/);
        }
      });
    }

    test("an offer with a body is answered, and nothing that comes behind it is run", async () => {
      for (const body of [
        "content-length: 4\r\n\r\nbody",
        "transfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
      ]) {
        const mark = server.mark();
        await using client = await RawConnection.open(server.port);
        client.write(`POST /?id=a HTTP/1.1\r\nhost: test\r\n${offer.join("\r\n")}\r\n${body}${get("/?id=lost")}`);
        const { headers, body: answer } = await client.response();
        assert.deepEqual([answer, headers["connection"]], ["POST a 4", "close"]);
        client.write(smuggled);
        await client.ended();
        assert.doesNotMatch(server.output(mark), /smuggled|lost/);
      }
    });

    test("any number of offers leaves the connection as it was, and the app sees them", async () => {
      const mark = server.mark();
      await using client = await RawConnection.open(server.port);
      for (let i = 0; i < 15; i++) {
        client.write(get(`/offer?id=${i}`, ...offer, "x-last: yes"));
        assert.equal((await client.response()).body, `h2c yes GET ${i} 0`);
      }
      client.write([0, 1, 2].map((id) => get(`/offer?id=${id}`, ...offer, "x-last: yes")).join(""));
      for (const id of [0, 1, 2]) assert.equal((await client.response()).body, `h2c yes GET ${id} 0`);
      assert.doesNotMatch(server.output(mark), /Warning/);
    });

    test("an offer waits for the answers before it, and loses none", async () => {
      await using client = await RawConnection.open(server.port);
      const bodied = `POST /?id=c&ms=50 HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\nbody`;
      client.write(get("/large?id=a&ms=50") + get("/?id=b&ms=50") + bodied + get("/?id=d", ...offer) + get("/?id=e"));
      assert.equal((await client.response()).body.length, 8 * 1024 * 1024 + "GET a 0".length);
      for (const body of ["GET b 0", "POST c 4", "GET d 0", "GET e 0"]) {
        assert.equal((await client.response()).body, body);
      }
    });

    test("an offer behind a body that was not read is answered", async () => {
      await using client = await RawConnection.open(server.port);
      const unread = `POST /unread?id=a HTTP/1.1\r\nhost: test\r\ncontent-length: 20\r\n\r\n${"x".repeat(20)}`;
      client.write(unread + get("/?id=b") + get("/?id=c", ...offer));
      for (const body of ["unread a", "GET b 0", "GET c 0"]) assert.equal((await client.response()).body, body);
    });

    test("a client that ends its side behind an offer is answered", () =>
      inTime(async ({ sendLast }) => {
        await using client = await RawConnection.open(server.port);
        sendLast(client, get("/?id=a") + get("/?id=b", ...offer) + get("/?id=c"));
        for (const id of ["a", "b", "c"]) assert.equal((await client.response()).body, `GET ${id} 0`);
        await client.ended();
      }));

    test("requests before an offer end when their client leaves", async () => {
      const mark = server.mark();
      await using client = await RawConnection.open(server.port);
      client.write(get("/?id=a&ms=60000") + get("/?id=b&ms=60000") + get("/?id=c", ...offer));
      // On two threads, and the second may be the first to begin.
      await Promise.all([server.waitForLog(/begin GET a/, mark), server.waitForLog(/begin GET b/, mark)]);
      client.socket.resetAndDestroy();
      await Promise.all([server.waitForLog(/close a/, mark), server.waitForLog(/close b/, mark)]);
    });

    test("a tunnel is refused behind the answers before it", async () => {
      await using client = await RawConnection.open(server.port);
      client.write(`${get("/?id=a&ms=50")}CONNECT test:443 HTTP/1.1\r\nhost: test:443\r\n\r\n`);
      assert.equal((await client.response()).body, "GET a 0");
      assert.equal((await client.response()).status, 501);
      await client.ended();
    });
  });
}

for (const model of ["loop", "actors"] as const) {
  test(`an upgrade whose listener fails is answered 500, or cut, and costs nobody else anything (${model})`, async () => {
    const failing = fileURLToPath(new URL("../fixtures/http/failing-upgrades.ts", import.meta.url));
    await using server = await startServer(failing, ["-w", "1", "-t", "1", "-m", model]);
    const pid = await (await fetch(server.url)).text();
    for (const path of ["/throws", "/rejects"]) {
      const mark = server.mark();
      await using client = await RawConnection.open(server.port);
      client.write(get("/") + get(path, "connection: upgrade", "upgrade: test"));
      assert.equal((await client.response()).body, pid);
      const { status, headers } = await client.response();
      assert.deepEqual([status, headers["connection"]], [500, "close"]);
      await client.ended();
      await server.waitForLog(new RegExp(`"url":"${path}".*upgrade ${path}.*the handler failed`), mark);
    }
    await using begun = await RawConnection.open(server.port);
    begun.write(get("/begun", "connection: upgrade", "upgrade: test"));
    assert.match(await begun.rest(), /^HTTP\/1\.1 101 /);
    await server.waitForLog(/upgrade \/begun.*the handler failed/);
    for (let at = 0; at < 5; at++) assert.equal(await (await fetch(server.url)).text(), pid);
    assert.doesNotMatch(server.output(0), /uncaught|recycled/);
  });
}

test("nothing behind an offer is run under sync", async () => {
  await using server = await startServer(app, ["-m", "sync"]);
  for (const path of ["/?id=a", "/?id=a&ms=50"]) {
    await using client = await RawConnection.open(server.port);
    client.write(`${get(path, ...offer)}POST / HTTP/1.1\r\nhost: test\r\ncontent-length: ${smuggled.length}\r\n\r\n`);
    assert.equal((await client.response()).body, "GET a 0");
    client.write(smuggled);
    await client.ended();
  }
  assert.doesNotMatch(server.output(0), /smuggled/);
});

test("an offer over TLS is answered, and so is what comes around it", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "heddle-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const { cert, key } = makeCertificate(folder, "localhost");
  await using server = await startServer(app, ["--tls-cert", cert, "--tls-key", key]);
  const client = connect({ port: server.port, host: "127.0.0.1", rejectUnauthorized: false });
  t.after(() => client.destroy());
  await once(client, "secureConnect");
  client.write(get("/?id=a&ms=30") + get("/?id=b", ...offer) + get("/?id=c", ...offer, "connection: close"));
  const answers = await text(client);
  assert.deepEqual(answers.match(/GET \w 0/g), ["GET a 0", "GET b 0", "GET c 0"]);
});

test("an upgrade over TLS ends with its client's side, as under node", async (t) => {
  const quiet = fileURLToPath(new URL("../fixtures/http/quiet-upgrades.ts", import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), "heddle-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const { cert, key } = makeCertificate(folder, "localhost");
  await using server = await startServer(quiet, ["-w", "1", "-t", "1", "--tls-cert", cert, "--tls-key", key]);
  // Node's types do not know allowHalfOpen here.
  const options = { port: server.port, host: "127.0.0.1", rejectUnauthorized: false, allowHalfOpen: true };
  const client = connect(options);
  t.after(() => client.destroy());
  await once(client, "secureConnect");
  client.write(get("/", "connection: upgrade", "upgrade: test"));
  await once(client, "data");
  client.end();
  await server.waitForLog(/the upgrade is closed/);
});
