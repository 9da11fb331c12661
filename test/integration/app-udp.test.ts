/** The UDP ports that all copies of an app share. */

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { get, serve, tempFolder, until } from "../server/arbiter/support.ts";
import { runHeddle } from "../support/server.ts";

describe("a UDP port of an app", { concurrency: 2 }, () => {
  const ECHO = `
import { createSocket } from "node:dgram";
const socket = createSocket(process.env.LINE_HOST ? "udp6" : "udp4");
socket.on("message", (text, { port, address }) => socket.send(text + " of " + process.pid, port, address));
socket.bind({ port: Number(process.env.LINE_PORT), address: process.env.LINE_HOST ?? "127.0.0.1" }, () => console.log("bound"));
export default async (req, res) => {
  if (req.url === "/close") await new Promise((resolve) => socket.close(resolve));
  res.end("app");
};
`;

  async function freeUdpPort(): Promise<number> {
    const socket = createSocket("udp4").bind(0, "127.0.0.1");
    await once(socket, "listening");
    const { port } = socket.address();
    socket.close();
    await once(socket, "close");
    return port;
  }

  /** Asks until it is answered, as UDP loses what it likes. */
  async function ask(t: TestContext, port: number, host: string = "127.0.0.1"): Promise<() => Promise<number>> {
    const socket = createSocket(host === "::1" ? "udp6" : "udp4");
    t.after(() => socket.close());
    return async () => {
      const asking = setInterval(() => socket.send("ask", port, host), 100);
      socket.send("ask", port, host);
      const [answer] = (await once(socket, "message")) as [Buffer];
      clearInterval(asking);
      return Number(/^ask of (\d+)$/.exec(answer.toString())![1]);
    };
  }

  for (const args of [
    ["-w", "2", "-t", "1"],
    ["-w", "1", "-t", "2"],
    ["-w", "1", "-t", "1", "-m", "threads"],
    ["-w", "2", "-m", "sync"],
  ]) {
    test(`is shared by its copies, and kept over a reload (${args.join(" ")})`, async (t) => {
      const port = await freeUdpPort();
      const app = join(tempFolder(t, { "app.mjs": ECHO }), "app.mjs");
      const server = await serve(t, app, args, { env: { LINE_PORT: `${port}` } });
      const asked = await ask(t, port);
      const before = (await server.status()).workers.map(({ pid }) => pid);
      assert.ok(before.includes(await asked()));
      server.signal("SIGHUP");
      await server.waitForLog(/generation 2: serving/);
      await server.waitForStatus(({ workers }) => workers.every(({ generation }) => generation === 2));
      const after = (await server.status()).workers.map(({ pid }) => pid);
      await until(async () => after.includes(await asked()), "an answer of the new generation");
      assert.equal((await get(server.url)).body, "app");
    });
  }

  test("is free when every copy has closed it", async (t) => {
    const port = await freeUdpPort();
    const app = join(tempFolder(t, { "app.mjs": ECHO }), "app.mjs");
    const server = await serve(t, app, ["-w", "1", "-t", "1"], { env: { LINE_PORT: `${port}` } });
    await (await ask(t, port))();
    await get(server.url, "/close");
    await until(async () => {
      const socket = createSocket("udp4").bind(port, "127.0.0.1");
      const [what] = await Promise.race([once(socket, "listening").then(() => ["bound"]), once(socket, "error")]);
      socket.close();
      return what === "bound";
    }, "the port to be free");
  });

  test("may be one of IPv6; a check opens none", async (t) => {
    const port = await freeUdpPort();
    const app = join(tempFolder(t, { "app.mjs": ECHO }), "app.mjs");
    const env = { LINE_PORT: `${port}`, LINE_HOST: "::1" };
    await serve(t, app, ["-w", "2", "-t", "1"], { env });
    const asked = await ask(t, port, "::1");
    const pid = await asked();
    const { code, stdout } = await runHeddle(["check", app], { env: { ...process.env, ...env } });
    assert.equal(code, 0);
    assert.match(stdout, /bound/);
    process.kill(pid, 0);
    await asked();
  });

  test("that another program has fails as under node", async (t) => {
    const other = createSocket("udp4").bind(0, "127.0.0.1");
    await once(other, "listening");
    t.after(() => other.close());
    const app = join(tempFolder(t, { "app.mjs": ECHO }), "app.mjs");
    const env = { ...process.env, LINE_PORT: `${other.address().port}` };
    const { code, stderr } = await runHeddle(["serve", app, "-p", "0", "--control", "off"], { env });
    assert.equal(code, 1);
    assert.match(stderr, /bind EADDRINUSE 127\.0\.0\.1/);
  });
});
