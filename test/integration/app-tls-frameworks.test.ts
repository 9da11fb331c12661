/** Frameworks and libraries on a TLS server of their own. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { request } from "node:https";
import { text } from "node:stream/consumers";
import { describe, test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { get, type LifeServer, makeCertificate, serve, tempFolder } from "../server/arbiter/support.ts";
import { freePort } from "../support/free-port.ts";

const app = fileURLToPath(new URL("../fixtures/tls/frameworks.ts", import.meta.url));

async function serveFramework(
  t: TestContext,
  name: string,
  { args = [], env = {} }: { args?: readonly string[]; env?: Readonly<Record<string, string>> } = {},
): Promise<LifeServer> {
  const folder = tempFolder(t);
  makeCertificate(folder, "one.test");
  return await serve(t, app, ["-w", "1", ...args], { env: { CERTIFICATES: folder, FRAMEWORK: name, ...env } });
}

function ask1({ port }: LifeServer): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port, rejectUnauthorized: false }, (res) => void text(res).then(resolve, reject))
      .on("error", reject)
      .end();
  });
}

async function ask2(t: TestContext, { url }: LifeServer): Promise<string> {
  const session = connectHttp2(url, { rejectUnauthorized: false });
  t.after(() => session.destroy());
  return await text(session.request());
}

describe("a TLS server of its own", { concurrency: 2 }, () => {
  test("has Fastify", async (t) => {
    assert.equal(await ask1(await serveFramework(t, "fastify")), "https 1.1");
  });

  for (const name of ["fastify-http2", "koa-http2"]) {
    test(`has ${name}, with HTTP/1 beside HTTP/2`, async (t) => {
      const server = await serveFramework(t, name);
      assert.equal(await ask2(t, server), "https 2.0");
      assert.equal(await ask1(server), "https 1.1");
    });
  }

  test("has Express, and a redirect beside it", async (t) => {
    const [port, redirect] = [await freePort(), await freePort()];
    const env = { PORT: `${port}`, REDIRECT: `${redirect}` };
    const server = await serveFramework(t, "express", { args: ["-p", `${port}`], env });
    assert.equal(server.port, port);
    assert.equal(await ask1(server), "https 1.1");
    assert.equal((await get(`http://127.0.0.1:${redirect}`)).status, 301);
  });

  test("of HTTP/2 has WebSockets of clients that begin with HTTP/1", async (t) => {
    const server = await serveFramework(t, "ws");
    assert.equal(await ask2(t, server), "https 2.0");
    const socket = new WebSocket(server.url.replace("https", "wss"), { rejectUnauthorized: false });
    const [message] = (await once(socket, "message")) as [Buffer];
    assert.equal(message.toString(), "hello");
    socket.close();
    await once(socket, "close");
  });

  test("that comes on the app's port when the app is served already is an error", async (t) => {
    const port = await freePort();
    const server = await serveFramework(t, "late", { args: ["-p", `${port}`], env: { PORT: `${port}` } });
    await server.waitForLog(/APP_SERVES_TLS[^]*the app listens with another kind of server/);
  });
});
