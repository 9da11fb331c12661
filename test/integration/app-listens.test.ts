/** An app that listens on other ports than the one that heddle serves. */

import assert from "node:assert/strict";
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, test, type TestContext } from "node:test";
import { get, type LifeServer, serve, tempFolder, until } from "../server/arbiter/support.ts";
import { freePort } from "../support/free-port.ts";

/** A metrics port, and a port that is not HTTP. Both say which process has them. */
const APP = `
import { createServer } from "node:http";
import { createServer as createNetServer } from "node:net";
const { METRICS_PORT, LINE_PORT } = process.env;
createServer((req, res) => res.end("metrics of " + process.pid)).listen(Number(METRICS_PORT), "127.0.0.1");
createNetServer((socket) => socket.end("line of " + process.pid)).listen({ port: Number(LINE_PORT), host: "127.0.0.1" });
export default (req, res) => res.end("app");
`;

interface Listening {
  readonly server: LifeServer;
  readonly metrics: () => Promise<string | undefined>;
  readonly line: () => Promise<string | undefined>;
}

async function serveListening(t: TestContext, args: readonly string[]): Promise<Listening> {
  const [metricsPort, linePort] = [await freePort(), await freePort()];
  const app = join(tempFolder(t, { "app.mjs": APP }), "app.mjs");
  const env = { METRICS_PORT: `${metricsPort}`, LINE_PORT: `${linePort}` };
  const server = await serve(t, app, args, { env });
  return {
    server,
    metrics: () =>
      get(`http://127.0.0.1:${metricsPort}`).then(
        ({ body }) => body,
        () => undefined,
      ),
    line: () => text(connect(linePort, "127.0.0.1")).catch(() => undefined),
  };
}

const TAKEN = /the app also listens on port \d+ of 127.0.0.1: each thread of each worker runs a copy of the app/g;

describe("what an app listens on beside its server", { concurrency: 2 }, () => {
  for (const args of [
    ["-w", "1", "-t", "1"],
    ["-w", "2", "-t", "2"],
    ["-w", "1", "-t", "1", "-m", "threads"],
    ["-w", "2", "-m", "sync"],
    ["-w", "1", "-t", "1", "-m", "thread-per-request"],
  ]) {
    test(`is open, and HTTP belongs to one of its copies (${args.join(" ")})`, async (t) => {
      const { server, metrics, line } = await serveListening(t, args);
      for (let i = 0; i < 5; i++) assert.equal((await get(server.url)).body, "app");
      assert.match((await metrics())!, /^metrics of \d+$/);
      assert.match((await line())!, /^line of \d+$/);
      assert.equal((await get(server.url)).body, "app");
      if (args.join(" ") === "-w 1 -t 1") assert.doesNotMatch(server.output(0), TAKEN);
      else await server.waitForLog(new RegExp(TAKEN.source));
    });
  }

  test("is told once", async (t) => {
    const { server } = await serveListening(t, ["-w", "1", "-t", "4"]);
    assert.equal((await get(server.url)).body, "app");
    assert.equal(server.output(0).match(TAKEN)?.length, 1, server.output(0));
  });

  test("goes to another copy when the one that has it dies, and at a reload", async (t) => {
    const { server, metrics, line } = await serveListening(t, ["-w", "2", "-t", "1"]);
    const owner = /\d+$/.exec((await metrics())!)![0];
    process.kill(Number(owner), "SIGKILL");
    await until(async () => /\d+$/.exec((await metrics()) ?? owner)![0] !== owner, "another copy to have it");
    server.signal("SIGHUP");
    await server.waitForLog(/generation 2: serving/);
    await until(async () => {
      const pids = (await server.status()).workers.map(({ pid }) => `${pid}`);
      const owners = [await metrics(), await line()].map((answer) => /\d+$/.exec(answer ?? "")?.[0] ?? "");
      return owners.every((pid) => pids.includes(pid));
    }, "the new generation to have both");
    assert.equal((await get(server.url)).body, "app");
  });
});
