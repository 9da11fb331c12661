/** An app's own https server does TLS, with all that it says about it; heddle does the rest. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { connect as connectTcp } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, test, type TestContext } from "node:test";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";
import { type LifeServer, makeCertificate, serve, tempFolder, until, workersOf } from "../server/arbiter/support.ts";
import { inTime } from "../support/in-time.ts";
import { runHeddle } from "../support/server.ts";

const app = fileURLToPath(new URL("../fixtures/tls/own.ts", import.meta.url));

const shapes: readonly (readonly string[])[] = [
  ["-w", "2", "-t", "1"],
  ["-w", "1", "-t", "2"],
  ["-w", "2", "-t", "2"],
  ["-w", "2", "--model", "sync"],
];

interface Own extends LifeServer {
  readonly certificates: string;
}

function certificates(t: TestContext, names: readonly string[]): string {
  const folder = tempFolder(t);
  for (const name of names) makeCertificate(folder, name);
  return folder;
}

async function serveOwn(
  t: TestContext,
  args: readonly string[],
  { names = [], env = {}, file = app }: { names?: string[]; env?: Record<string, string>; file?: string } = {},
): Promise<Own> {
  const folder = certificates(t, ["one.test", "two.test", "three.test", ...names]);
  const server = await serve(t, file, args, { env: { CERTIFICATES: folder, ...env } });
  return { ...server, certificates: folder };
}

interface Visit {
  /** The name in the server's certificate. */
  readonly server: string;
  readonly reused: boolean;
  readonly session: Buffer | undefined;
  readonly told: { pid: number; encrypted: boolean; authorized: boolean; client?: string; servername: string };
}

async function visit(port: number, options: ConnectionOptions = {}, path: string = "/"): Promise<Visit> {
  const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false, ...options });
  let session: Buffer | undefined;
  socket.on("session", (next: Buffer) => (session = next));
  await once(socket, "secureConnect");
  // A resumed session has no certificate under TLS 1.2.
  const server = `${(socket.getPeerCertificate().subject as { CN?: string } | undefined)?.CN}`;
  const reused = socket.isSessionReused();
  socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
  const answer = await text(socket);
  assert.match(answer, /^HTTP\/1\.1 200 /);
  return { server, reused, session, told: JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4)) };
}

function pair(folder: string, name: string): { key: Buffer; cert: Buffer } {
  return { key: readFileSync(join(folder, `${name}.key`)), cert: readFileSync(join(folder, `${name}.crt`)) };
}

describe("an app's own https server", { concurrency: 2 }, () => {
  for (const shape of shapes) {
    test(`answers over TLS with its own certificates, and says so (${shape.join(" ")})`, async (t) => {
      const server = await serveOwn(t, shape);
      assert.match(server.url, /^https:/);
      const { urls, protocol } = await server.status();
      assert.deepEqual([urls, protocol], [[server.url], "https"]);
      const one = await visit(server.port);
      assert.deepEqual([one.server, one.told.encrypted], ["one.test", true]);
      assert.equal((await visit(server.port, { servername: "two.test" })).server, "two.test");
      assert.equal((await visit(server.port, { servername: "one.test" })).told.servername, "one.test");
      await server.waitForLog(/secureConnection/);
    });

    test(`never answers in clear text (${shape.join(" ")})`, async (t) => {
      const server = await serveOwn(t, shape);
      const socket = connectTcp(server.port, "127.0.0.1");
      socket.write("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
      socket.on("error", () => {});
      let answer = "";
      socket.setEncoding("latin1").on("data", (chunk: string) => (answer += chunk));
      await once(socket, "close");
      assert.doesNotMatch(answer, /HTTP/);
      await server.waitForLog(/tlsClientError ERR_SSL_HTTP_REQUEST/);
      assert.equal((await visit(server.port)).told.encrypted, true);
    });
  }

  test("gives the handlers of --model threads encrypted requests", async (t) => {
    const server = await serveOwn(t, ["-w", "1", "-t", "1", "--model", "threads"]);
    const { told, server: name } = await visit(server.port);
    assert.deepEqual([told.encrypted, name], [true, "one.test"]);
  });

  for (const shape of shapes.slice(0, 2)) {
    test(`exchanges its certificate while it runs (${shape.join(" ")})`, async (t) => {
      const server = await serveOwn(t, shape);
      const places = new Set<string>();
      await until(async () => {
        await visit(server.port, {}, "/rotate");
        places.add((await visit(server.port)).server);
        const names = await Promise.all(Array.from({ length: 8 }, () => visit(server.port)));
        return names.every(({ server: name }) => name === "three.test");
      }, "all instances to have the new certificate");
      assert.ok(places.has("three.test"));
    });
  }
});

describe("a client's certificate", { concurrency: 2 }, () => {
  test("is asked for, and seen by the app", async (t) => {
    const server = await serveOwn(t, ["-w", "2", "-t", "1"], { names: ["client.test", "stranger.test"] });
    const known = await visit(server.port, pair(server.certificates, "client.test"));
    assert.deepEqual([known.told.authorized, known.told.client], [true, "client.test"]);
    const stranger = await visit(server.port, pair(server.certificates, "stranger.test"));
    assert.deepEqual([stranger.told.authorized, stranger.told.client], [false, "stranger.test"]);
    const nobody = await visit(server.port);
    assert.deepEqual([nobody.told.authorized, nobody.told.client], [false, undefined]);
  });

  test("that the app rejects gets no answer", async (t) => {
    const names = ["client.test", "stranger.test"];
    const server = await serveOwn(t, ["-w", "1", "-t", "2"], { names, env: { REJECT: "yes" } });
    await assert.rejects(visit(server.port, pair(server.certificates, "stranger.test")));
    assert.equal((await visit(server.port, pair(server.certificates, "client.test"))).told.authorized, true);
  });

  test("is not given up for a model whose handlers do not see it: the app is refused", async (t) => {
    const env = { CERTIFICATES: certificates(t, ["one.test", "two.test", "client.test"]) };
    const args = ["serve", app, "-p", "0", "--control", "off", "--model", "threads"];
    const { code, stderr } = await runHeddle(args, { env });
    assert.equal(code, 1);
    assert.match(
      stderr,
      /asks clients for certificates, which a handler thread does not get; the app's model is threads/,
    );
  });

  test("is not given up for --tls-cert: the app is refused", async (t) => {
    const folder = certificates(t, ["one.test", "two.test", "three.test", "client.test"]);
    const tls = ["--tls-cert", join(folder, "one.test.crt"), "--tls-key", join(folder, "one.test.key")];
    const env = { CERTIFICATES: folder };
    const { code, stderr } = await runHeddle(["serve", app, "-p", "0", "--control", "off", ...tls], { env });
    assert.equal(code, 1);
    assert.match(stderr, /asks clients for certificates, and --tls-cert does not/);
  });
});

test("--tls-cert takes the place of the app's own certificate, and is told", async (t) => {
  const folder = certificates(t, ["one.test", "two.test", "three.test"]);
  const tls = ["--tls-cert", join(folder, "three.test.crt"), "--tls-key", join(folder, "three.test.key")];
  const server = await serve(t, app, ["-w", "1", "-t", "2", ...tls], { env: { CERTIFICATES: folder } });
  assert.equal((await visit(server.port)).server, "three.test");
  await server.waitForLog(/its own certificate \(--tls-cert is set\)/);
});

describe("a slow handshake", () => {
  test("ends after --headers-timeout, whatever the app's server allows", async (t) => {
    const server = await serveOwn(t, ["-w", "1", "-t", "1", "--headers-timeout", "3s"]);
    const socket = connectTcp(server.port, "127.0.0.1");
    socket.on("error", () => {}).resume();
    // The begin of a TLS record.
    socket.write(Buffer.from([0x16, 0x03, 0x01]));
    await once(socket, "close");
    assert.equal((await visit(server.port)).server, "one.test");
  });
});

describe("a session of the app's server", { concurrency: 2 }, () => {
  for (const shape of [
    ["-w", "2", "-t", "2"],
    ["-w", "2", "-t", "1"],
    ["-w", "2", "--model", "sync"],
  ]) {
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      test(`resumes on every instance, also after a reload (${version}, ${shape.join(" ")})`, async (t) => {
        const server = await serveOwn(t, shape);
        // The certificate of the second name comes from the app's SNICallback.
        for (const servername of ["one.test", "two.test"]) {
          const options = { minVersion: version, maxVersion: version, servername };
          const { session } = await visit(server.port, options);
          assert.ok(session !== undefined);
          const all = (): Promise<Visit[]> =>
            Promise.all(Array.from({ length: 10 }, () => visit(server.port, { ...options, session })));
          assert.deepEqual(new Set((await all()).map(({ reused }) => reused)), new Set([true]));
          assert.equal((await runHeddle(["reload", "--control", server.control])).code, 0);
          assert.deepEqual(new Set((await all()).map(({ reused }) => reused)), new Set([true]));
        }
      });
    }
  }

  test("resumes on a worker that replaces a killed one", async (t) => {
    const server = await serveOwn(t, ["-w", "1", "-t", "2"]);
    const { session } = await visit(server.port);
    const [pid] = workersOf(server.pid);
    process.kill(pid!, "SIGKILL");
    await server.waitForStatus(({ ready, workers }) => ready && workers.every((worker) => worker.pid !== pid));
    assert.equal((await visit(server.port, { session: session! })).reused, true);
  });
});

/** Asks until it is stopped. Rejects at the first request that fails. */
async function keepAsking(port: number, agent: Agent, signal: AbortSignal): Promise<number> {
  let asked = 0;
  while (!signal.aborted) {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    request(
      { host: "127.0.0.1", port, agent, rejectUnauthorized: false },
      (res) => void text(res).then(resolve, reject),
    )
      .on("error", reject)
      .end();
    assert.match(await promise, /"encrypted":true/);
    asked++;
  }
  return asked;
}

for (const shape of shapes) {
  for (const keepAlive of [true, false]) {
    test(`reloads lose no request (${shape.join(" ")}, keep-alive ${keepAlive})`, async (t) => {
      const server = await serveOwn(t, shape);
      const agent = new Agent({ keepAlive, maxSockets: 8 });
      t.after(() => agent.destroy());
      const over = new AbortController();
      const clients = Promise.all(Array.from({ length: 4 }, () => keepAsking(server.port, agent, over.signal)));
      for (let i = 0; i < 3; i++) assert.equal((await runHeddle(["reload", "--control", server.control])).code, 0);
      over.abort();
      const asked = await clients;
      assert.ok(asked.every((count) => count > 0));
      assert.equal((await server.status()).counters.failed, 0);
    });
  }
}

test("a half-open client gets its answer, and one that leaves in its handshake harms nobody", async (t) => {
  const server = await serveOwn(t, ["-w", "1", "-t", "1", "--headers-timeout", "3s"]);
  await inTime(async ({ sendLast }) => {
    const socket: TLSSocket = connect({
      host: "127.0.0.1",
      port: server.port,
      rejectUnauthorized: false,
      allowHalfOpen: true,
    } as ConnectionOptions);
    await once(socket, "secureConnect");
    sendLast(socket, "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert.match(await text(socket), /^HTTP\/1\.1 200 /);
  });
  const leaver = connectTcp(server.port, "127.0.0.1");
  await once(leaver, "connect");
  leaver.end(Buffer.from([0x16, 0x03]));
  leaver.on("error", () => {}).resume();
  await once(leaver, "close");
  assert.equal((await visit(server.port)).server, "one.test");
});
