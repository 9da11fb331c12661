/** The sockets that all copies of an app share, over reloads, deaths and ends. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { createServer } from "node:net";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, test, type TestContext } from "node:test";
import { get, type LifeServer, serve, tempFolder, until } from "../server/arbiter/support.ts";
import { readdirSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { hasFfi } from "../support/ffi.ts";
import { againAndAgain } from "../support/again-and-again.ts";
import { freePort } from "../support/free-port.ts";
import { runHeddle } from "../support/server.ts";

/** Answers each connection with its process and its threads' copy, when the client has ended its side. */
const LINES = `
import { createServer } from "node:net";
const where = process.env.LINE_PATH ?? Number(process.env.LINE_PORT);
createServer({ allowHalfOpen: true }, (socket) => {
  socket.on("error", () => {});
  socket.resume().on("end", () => socket.end("line of " + process.pid));
}).listen(where);
export default (req, res) => res.end("app");
`;

interface Lines {
  readonly server: LifeServer;
  readonly app: string;
  readonly where: string | number;
}

async function serveLines(t: TestContext, args: readonly string[], code: string = LINES): Promise<Lines> {
  const where = await freePort();
  const app = join(tempFolder(t, { "app.mjs": code }), "app.mjs");
  return { server: await serve(t, app, args, { env: { LINE_PORT: `${where}` } }), app, where };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function open(where: string | number): Socket {
  return typeof where === "string" ? connect(where) : connect(where, "127.0.0.1");
}

/** The pid that has answered. Rejects if the connection is refused, reset, or ends without an answer. */
async function line(where: string | number): Promise<number> {
  const socket = open(where);
  socket.end();
  const [, pid] = /^line of (\d+)$/.exec(await text(socket)) ?? assert.fail("no answer");
  return Number(pid);
}

describe("a socket that all copies of an app share", { concurrency: 2 }, () => {
  for (const args of [
    ["-w", "2", "-t", "1"],
    ["-w", "1", "-t", "2"],
    ["-w", "2", "-t", "2"],
    ["-w", "2", "-m", "sync"],
    ["-w", "1", "-t", "1", "-m", "threads"],
  ]) {
    test(`refuses and loses nothing at reloads (${args.join(" ")})`, async (t) => {
      const { server, where } = await serveLines(t, args);
      const clients = [
        againAndAgain(() => line(where)),
        againAndAgain(() => line(where)),
        againAndAgain(() => line(where)),
      ];
      for (let generation = 2; generation <= 4; generation++) {
        server.signal("SIGHUP");
        await server.waitForLog(new RegExp(`generation ${generation}: serving`));
        await server.waitForStatus(({ workers }) => workers.every((worker) => worker.generation === generation));
      }
      for (const client of clients) assert.ok((await client.stop()) > 0);
      assert.equal((await get(server.url)).body, "app");
    });
  }

  test("takes connections while the only worker is replaced", async (t) => {
    const { server, where } = await serveLines(t, ["-w", "1", "-t", "1"]);
    const before = await line(where);
    process.kill(before, "SIGKILL");
    await server.waitForLog(/a new worker replaces it/);
    // Either refuses nothing, or waits in the backlog.
    assert.notEqual(await line(where), before);
  });

  test("is accepted by each copy", async (t) => {
    const { server, where } = await serveLines(t, ["-w", "2", "-t", "1", "--heartbeat-timeout", "0"]);
    const pids = (await server.status()).workers.map(({ pid }) => pid);
    const [first, second] = pids;
    process.kill(first!, "SIGSTOP");
    try {
      // The kernel wakes one of them for each connection, and the stopped one takes none.
      assert.equal(await line(where), second);
    } finally {
      process.kill(first!, "SIGCONT");
    }
    process.kill(second!, "SIGSTOP");
    try {
      assert.equal(await line(where), first);
    } finally {
      process.kill(second!, "SIGCONT");
    }
  });

  test("lets its connections finish at a reload, as long as they move", async (t) => {
    const { server, where } = await serveLines(t, ["-w", "1", "-t", "1"]);
    const socket = open(where);
    await once(socket, "connect");
    const before = await line(where);
    const ticking = setInterval(() => socket.write("tick"), 50);
    t.after(() => clearInterval(ticking));
    server.signal("SIGHUP");
    await until(async () => (await line(where)) !== before, "the new generation to accept");
    clearInterval(ticking);
    socket.end();
    assert.equal(await text(socket), `line of ${before}`);
  });

  for (const args of [
    ["-w", "1", "-t", "1"],
    ["-w", "1", "-t", "2"],
    ["-w", "1", "-t", "1", "-m", "threads"],
  ]) {
    for (const how of ["stop", "reload"]) {
      test(`counts a connection that a ${how} cuts at the graceful timeout, as a request (${args.join(" ")})`, async (t) => {
        const { server, where } = await serveLines(t, [...args, "--graceful-timeout", "1s"]);
        const socket = open(where);
        // Perhaps by a reset.
        const closed = new Promise((resolve) => void socket.on("error", () => {}).once("close", resolve));
        await once(socket, "connect");
        // It is accepted behind that one.
        await line(where);
        const ticking = setInterval(() => socket.write("tick"), 50);
        t.after(() => clearInterval(ticking));
        const run = await runHeddle([how, "--control", server.control]);
        await closed;
        clearInterval(ticking);
        assert.match(run.stdout, /1 of the workers had not finished at the graceful timeout: what was left was cut/);
        assert.equal(run.code, how === "stop" ? 1 : 0);
        assert.match(
          server.stderr(),
          /is killed: .*connections to its other servers,? did not end within --graceful-timeout/,
        );
        if (how === "stop") assert.deepEqual(await server.exited, { code: 1, signal: null });
      });
    }
  }

  test("is closed when the new code does not listen there, and opened again when it does", async (t) => {
    const { server, app, where } = await serveLines(t, ["-w", "2", "-t", "1"]);
    await line(where);
    writeFileSync(app, `export default (req, res) => res.end("new");`);
    server.signal("SIGHUP");
    await until(
      () =>
        line(where).then(
          () => false,
          () => true,
        ),
      "the port to be closed",
    );
    assert.equal((await get(server.url)).body, "new");
    writeFileSync(app, LINES);
    server.signal("SIGHUP");
    await until(
      () =>
        line(where).then(
          () => true,
          () => false,
        ),
      "the port to be open",
    );
  });

  test("is open while its app has not closed it, and can be opened anew", async (t) => {
    const code = `
import { createServer } from "node:net";
const server = createServer((socket) => socket.end("line of " + process.pid));
server.listen(Number(process.env.LINE_PORT), "127.0.0.1");
export default async (req, res) => {
  if (req.url === "/close") await new Promise((resolve) => server.close(resolve));
  if (req.url === "/open") await new Promise((resolve) => server.listen(Number(process.env.LINE_PORT), "127.0.0.1", resolve));
  res.end(JSON.stringify(server.address()));
};`;
    const { server, where } = await serveLines(t, ["-w", "1", "-t", "1"], code);
    assert.deepEqual(JSON.parse((await get(server.url)).body), { address: "127.0.0.1", family: "IPv4", port: where });
    await line(where);
    await get(server.url, "/close");
    await until(
      () =>
        line(where).then(
          () => false,
          () => true,
        ),
      "the port to be closed",
    );
    await get(server.url, "/open");
    await line(where);
  });

  test("may be a Unix socket, whose file goes with the server", async (t) => {
    const folder = tempFolder(t, { "app.mjs": LINES });
    const path = join(folder, "line.sock");
    const server = await serve(t, join(folder, "app.mjs"), ["-w", "2", "-t", "1"], { env: { LINE_PATH: path } });
    const client = againAndAgain(() => line(path));
    server.signal("SIGHUP");
    await server.waitForLog(/generation 2: serving/);
    assert.ok((await client.stop()) > 0);
    await server.stop();
    await assert.rejects(line(path), { code: "ENOENT" });
  });

  for (const args of hasFfi
    ? [
        ["-w", "2", "-t", "1"],
        ["-w", "1", "-t", "2"],
      ]
    : [])
    test(`may be a Unix socket whose file each copy removes before it listens and at its end (${args.join(" ")})`, async (t) => {
      const code = `
import { chmodSync, existsSync, unlinkSync } from "node:fs";
import { createServer } from "node:net";
const path = process.env.LINE_PATH;
const remove = () => existsSync(path) && unlinkSync(path);
remove();
process.on("exit", remove);
const server = createServer((socket) => socket.end("line of " + process.pid));
server.listen(path, () => {
  try {
    chmodSync(path, 0o660);
  } catch {
    // The other copy has just removed it, and does the same.
  }
});
export default (req, res) => res.end(server.address());`;
      const folder = tempFolder(t, { "app.mjs": code });
      const path = join(folder, "line.sock");
      const server = await serve(t, join(folder, "app.mjs"), args, { env: { LINE_PATH: path } });
      assert.equal((await get(server.url)).body, path);
      const old = new Set<number>();
      for (let i = 0; i < 20; i++) old.add(await line(path));
      server.signal("SIGHUP");
      await until(() => [...old].every((pid) => !isAlive(pid)), "the old copies to end");
      await until(
        () =>
          line(path).then(
            (pid) => !old.has(pid),
            () => false,
          ),
        "a new copy to answer",
      );
      assert.equal(statSync(path).mode & 0o777, 0o660);
    });

  test("may be a Unix socket whose file is removed at any time, and is bound anew", { skip: !hasFfi }, async (t) => {
    const folder = tempFolder(t, { "app.mjs": LINES });
    const path = join(folder, "line.sock");
    await serve(t, join(folder, "app.mjs"), ["-w", "2", "-t", "1"], { env: { LINE_PATH: path } });
    for (let round = 0; round < 3; round++) {
      unlinkSync(path);
      const isThere = (): Promise<boolean> => line(path).then(Boolean, () => false);
      await until(isThere, "the socket to be there again");
    }
  });

  for (const [args, blocks] of hasFfi
    ? ([
        [["-w", "1", "-t", "1"], 1],
        [["-w", "1", "-t", "2"], 2],
        [["-w", "1", "-t", "1", "-m", "threads"], 1],
      ] as const)
    : [])
    test(`may be a Unix socket whose file is removed again and again while its copies are busy (${args.join(" ")})`, async (t) => {
      const code = `
import { existsSync, writeFileSync } from "node:fs";
import { threadId } from "node:worker_threads";
${LINES.replace("export default", "const answer =")}
const moment = new Int32Array(new SharedArrayBuffer(4));
export default (req, res) => {
  if (req.url === "/block") {
    writeFileSync("busy" + threadId, "");
    while (!existsSync("go-on")) Atomics.wait(moment, 0, 0, 10);
  }
  answer(req, res);
};`;
      const folder = tempFolder(t, { "app.mjs": code });
      const path = join(folder, "line.sock");
      const options = { cwd: folder, env: { LINE_PATH: path } };
      const server = await serve(t, join(folder, "app.mjs"), [...args, "--timeout", "0"], options);
      const answers: Promise<unknown>[] = [];
      const isBusy = (): boolean =>
        readdirSync(folder).filter((name) => name.startsWith("busy")).length === answers.length;
      try {
        while (answers.length < blocks) {
          answers.push(get(server.url, "/block"));
          await until(isBusy, "a copy to be busy");
        }
        const clients = Array.from({ length: 10 }, () => open(path));
        await Promise.all(clients.map((client) => once(client, "connect")));
        answers.push(...clients.map(async (client) => assert.match(await text(client.end()), /^line of/)));
        for (let round = 0; round < 3; round++) {
          const { ino, mtimeMs } = statSync(path);
          unlinkSync(path);
          await until(() => {
            const now = statSync(path, { throwIfNoEntry: false });
            return now !== undefined && (now.ino !== ino || now.mtimeMs !== mtimeMs);
          }, "the file to be there again");
        }
      } finally {
        writeFileSync(join(folder, "go-on"), "");
      }
      await Promise.all(answers);
      await until(() => line(path).then(Boolean, () => false), "the newest socket to be used");
      assert.deepEqual((await server.status()).restarts, { workers: 0, threads: 0 });
    });

  test("may be a Unix socket in the folder that the app has changed to", async (t) => {
    const folder = tempFolder(t, { "app.mjs": `process.chdir("there");\n${LINES}`, "there/file": "" });
    const env = { LINE_PATH: "line.sock" };
    await serve(t, join(folder, "app.mjs"), ["-w", "2", "-t", "1"], { cwd: folder, env });
    await line(join(folder, "there/line.sock"));
  });

  test("may be opened and closed again and again, also at the end", async (t) => {
    const code = `
import { createServer } from "node:net";
const again = () => {
  const server = createServer();
  server.listen(Number(process.env.LINE_PORT), "127.0.0.1", () => server.close(again));
};
again();
process.on("SIGTERM", () => createServer().listen(Number(process.env.LINE_PORT), "127.0.0.1", () => process.exit()));
export default (req, res) => res.end("app");`;
    const { server } = await serveLines(t, ["-w", "2", "-t", "1"], code);
    for (let i = 0; i < 50; i++) assert.equal((await get(server.url)).body, "app");
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
    assert.doesNotMatch(server.output(0), /uncaught|EADDRINUSE/);
    assert.equal(server.output(0).match(/the app also listens/g)?.length, 1);
  });

  test("that another program has fails as under node", async (t) => {
    const other = createServer().listen(0);
    await once(other, "listening");
    t.after(() => other.close());
    const { port } = other.address() as { port: number };
    const app = join(tempFolder(t, { "app.mjs": LINES }), "app.mjs");
    for (const threads of ["1", "2"]) {
      const args = ["serve", app, "-p", "0", "-t", threads, "--control", "off"];
      const { code, stderr } = await runHeddle(args, { env: { ...process.env, LINE_PORT: `${port}` } });
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`EADDRINUSE.*${port}`));
    }
  });
});

describe("an HTTP/2 server beside the app's, such as gRPC's", { concurrency: 2 }, () => {
  const GRPC = `
import { createServer } from "node:http2";
const server = createServer((req, res) => res.end("pid " + process.pid));
server.on("error", ({ code }) => console.log("error " + code));
server.listen(Number(process.env.LINE_PORT), "127.0.0.1", () => console.log("announced"));
export default (req, res) => res.end("app");
`;

  function ask(port: number): Promise<string> {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    return new Promise<string>((resolve, reject) => {
      session.on("error", reject);
      text(session.request({ ":path": "/" }).on("error", reject)).then(resolve, reject);
    }).finally(() => session.destroy());
  }

  for (const args of [
    ["-w", "2", "-t", "1"],
    ["-w", "1", "-t", "2"],
    ["-w", "1", "-t", "1"],
  ]) {
    test(`is shared by all copies, also over a reload (${args.join(" ")})`, async (t) => {
      const { server, where } = await serveLines(t, args, GRPC);
      const before = await ask(Number(where));
      server.signal("SIGHUP");
      await server.waitForLog(/generation 2: serving/);
      await server.waitForStatus(({ workers }) => workers.every(({ generation }) => generation === 2));
      assert.notEqual(await ask(Number(where)), before);
      assert.equal((await get(server.url)).body, "app");
      assert.doesNotMatch(server.output(0), /error EADDRINUSE/);
    });
  }
});

describe("a port that one copy of the app has", { concurrency: 2 }, () => {
  const METRICS = `
import { createServer } from "node:http";
const server = createServer((req, res) => res.end("metrics of " + process.pid));
let tries = 0;
if (process.env.TRIES) server.on("error", ({ code }) => server.listen(code === "EADDRINUSE" ? 0 : 1, () => tries++));
server.listen(Number(process.env.LINE_PORT), () => console.log("announced"));
export default (req, res) => res.end("tries " + tries);
`;

  test("answers without a gap over reloads", async (t) => {
    const { server, where } = await serveLines(t, ["-w", "2", "-t", "1"], METRICS);
    const metrics = async (): Promise<string> => (await get(`http://127.0.0.1:${where}`)).body;
    const client = againAndAgain(async () => assert.match(await metrics(), /^metrics of/));
    for (let generation = 2; generation <= 4; generation++) {
      server.signal("SIGHUP");
      await server.waitForLog(new RegExp(`generation ${generation}: serving`));
      await server.waitForStatus(({ workers }) => workers.every((worker) => worker.generation === generation));
    }
    assert.ok((await client.stop()) > 0);
    const pids = (await server.status()).workers.map(({ pid }) => `metrics of ${pid}`);
    assert.ok(pids.includes(await metrics()));
  });

  test("goes on when a worker with several copies dies", async (t) => {
    const { server, where } = await serveLines(t, ["-w", "2", "-t", "2"], METRICS);
    const metrics = async (): Promise<string> => (await get(`http://127.0.0.1:${where}`)).body;
    for (let round = 0; round < 3; round++) {
      const before = await metrics();
      process.kill(Number(/\d+$/.exec(before)![0]), "SIGKILL");
      await until(async () => (await metrics().catch(() => before)) !== before, "another copy to have it");
      await server.waitForStatus(({ workers }) => workers.filter(({ state }) => state === "serving").length === 2);
    }
  });

  test("is in use for the other copies, if they listen for errors", async (t) => {
    const where = await freePort();
    const app = join(tempFolder(t, { "app.mjs": METRICS }), "app.mjs");
    const server = await serve(t, app, ["-w", "1", "-t", "2"], { env: { LINE_PORT: `${where}`, TRIES: "1" } });
    await until(async () => {
      const answers = await Promise.all(Array.from({ length: 8 }, () => get(server.url)));
      return new Set(answers.map(({ body }) => body)).size === 2;
    }, "one copy to have tried again, and one not");
  });

  test("passes to who replaces the copy, although it listens for errors", async (t) => {
    const code = `
import { once } from "node:events";
import { createServer } from "node:http";
const server = createServer((req, res) => res.end("metrics of " + process.pid)).listen(Number(process.env.LINE_PORT));
// It listens for errors too.
await once(server, "listening");
export default (req, res) => res.end("app");
`;
    const { server, where } = await serveLines(t, ["-w", "1", "-t", "1"], code);
    const metrics = async (): Promise<string> => (await get(`http://127.0.0.1:${where}`)).body;
    for (const replace of [
      (): void => server.signal("SIGHUP"),
      (pid: number): void => void process.kill(pid, "SIGTERM"),
      (): void => server.signal("SIGHUP"),
    ]) {
      const before = await metrics();
      replace(Number(/\d+$/.exec(before)![0]));
      await until(async () => (await metrics()) !== before, "the new copy to have the port");
      await server.waitForStatus(({ workers }) => workers.length === 1);
    }
    // There is one copy, and its successors.
    assert.doesNotMatch(server.stderr(), /also listens|EADDRINUSE/);
  });

  test("is not opened by a check", async (t) => {
    const where = await freePort();
    const app = join(tempFolder(t, { "app.mjs": METRICS }), "app.mjs");
    const other = createServer().listen(where);
    await once(other, "listening");
    t.after(() => other.close());
    const { code, stdout, stderr } = await runHeddle(["check", app], {
      env: { ...process.env, LINE_PORT: `${where}` },
    });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /announced/);
  });
});
