import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { shapes } from "../contracts/shapes.ts";
import { get, type LifeServer, serve, tempFolder } from "../server/arbiter/support.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { runHeddle, startServer } from "../support/server.ts";

const contract = fileURLToPath(new URL("../fixtures/contract/", import.meta.url));

/** Set after `listen()`, in its callback, and in `onStart`: all before the first request. */
const selfListening = `
import { createServer } from "node:http";
export let server;
export function onStart() { server.maxRequestsPerSocket = 2; }
server = createServer((req, res) => res.end("ok")).listen(3000, () => { server.headersTimeout = 3000; });
server.keepAliveTimeout = 65_000;
`;

const exported = `
import { createServer } from "node:http";
const server = createServer({ keepAliveTimeout: 65_000 }, (req, res) => res.end("ok"));
server.maxRequestsPerSocket = 2;
server.headersTimeout = 3000;
export default server;
`;

function folderWith(t: TestContext, text: string): string {
  return tempFolder(t, { "app.mjs": text, "package.json": '{ "type": "module" }' });
}

async function serveText(t: TestContext, text: string, args: readonly string[]): Promise<LifeServer> {
  return serve(t, join(folderWith(t, text), "app.mjs"), args);
}

describe("settings of the app's own server", { concurrency: 2 }, () => {
  const models = [
    ["-t", "2"],
    ["-w", "2", "-t", "1"],
    ["-t", "2", "-m", "threads"],
    ["-t", "2", "-m", "thread-per-request"],
  ];
  for (const args of models) {
    for (const [what, text] of [
      ["self-listening", selfListening],
      ["exported", exported],
    ] as const) {
      test(`are obeyed under ${args.join(" ")}, ${what}: keep-alive, requests of a connection, time for headers`, async (t) => {
        const server = await serveText(t, text, args);
        const client = await RawConnection.open(server.port);
        t.after(() => client.destroy());
        const first = await client.request("GET / HTTP/1.1").response();
        assert.equal(first.headers["keep-alive"], "timeout=65");
        const second = await client.request("GET / HTTP/1.1").response();
        assert.equal(second.headers["connection"], "close");
        const slow = await RawConnection.open(server.port);
        t.after(() => slow.destroy());
        slow.write("GET / HTTP/1.1\r\nhost: x\r\n");
        assert.equal((await slow.response()).status, 408);
        assert.doesNotMatch(server.stderr(), /without effect/);
      });
    }
  }

  for (const args of models) {
    test(`that Node has for all servers are obeyed under ${args.join(" ")}: the size of a header block`, async (t) => {
      const cwd = tempFolder(t, {
        "package.json": '{ "type": "module", "scripts": { "start": "node --max-http-header-size=65536 app.js" } }',
        "app.js": "export default (req, res) => res.end(`${req.headers.cookie.length}`);",
      });
      const server = await startServer(undefined, args, { cwd });
      t.after(() => server.stop());
      for (const [bytes, status] of [
        [50_000, 200],
        [70_000, 431],
      ] as const) {
        await using client = await RawConnection.open(server.port);
        const answer = await client.request("GET / HTTP/1.1", [`cookie: ${"c".repeat(bytes)}`]).response();
        assert.equal(answer.status, status);
      }
    });
  }

  test("give way to flags, the environment and the config file", async (t) => {
    const cwd = folderWith(t, exported);
    const env = { HEDDLE_LIMIT_KEEP_ALIVE: "3" };
    const server = await serve(t, "app.mjs", ["-t", "1", "--keep-alive", "7s"], { cwd, env });
    const client = await RawConnection.open(server.port);
    t.after(() => client.destroy());
    const answers = [];
    for (let i = 0; i < 3; i++) answers.push(await client.request("GET / HTTP/1.1").response());
    assert.equal(answers[0]!.headers["keep-alive"], "timeout=7");
    assert.deepEqual(
      answers.map(({ headers }) => headers["connection"]),
      ["keep-alive", "keep-alive", "close"],
    );
    await server.waitForLog(
      /keepAliveTimeout 65000 \(--keep-alive is set\); maxRequestsPerSocket 2 \(--limit-keep-alive is set\)/,
    );
  });

  test("that heddle does not have are told once, however many workers and threads there are", async (t) => {
    const server = await serveText(
      t,
      `import { createServer } from "node:http";
      const sockets = new Set();
      const server = createServer((req, res) => res.end("ok " + sockets.size)).listen(3000);
      server.on("connection", (socket) => sockets.add(socket));
      server.on("clientError", (error, socket) => socket.destroy());
      server.setTimeout(120_000);
      server.requestTimeout = 120_000;`,
      ["-w", "2", "-t", "2"],
    );
    assert.equal((await get(server.url)).body, "ok 0");
    const told = server.stderr().match(/"level":"?\w+"?[^\n]*without effect under heddle: [^\n]*/g);
    assert.equal(told?.length, 1, server.stderr());
    for (const name of ["requestTimeout 120000", "timeout 120000", '\\"clientError\\"', '\\"connection\\"']) {
      assert.ok(told[0].includes(name), name);
    }
  });

  test("are shown by heddle check", async (t) => {
    const run = await runHeddle(["check", "app.mjs"], { cwd: folderWith(t, exported) });
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /^setting +--keep-alive 65000 +\(keepAliveTimeout of the app's http\.Server\)$/m);
  });
});

describe("nothing is told of the servers that frameworks make", { concurrency: 2 }, () => {
  for (const { name, file } of shapes) {
    test(name, async () => {
      const run = await runHeddle(["check", join(contract, file)]);
      assert.equal(run.code, 0, run.stderr);
      assert.doesNotMatch(run.stdout, /^setting|http\.Server/m);
    });
  }
});
