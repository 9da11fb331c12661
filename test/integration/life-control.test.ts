import assert from "node:assert/strict";
import { once } from "node:events";
import { lstatSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, request } from "node:http";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { ask, command } from "../../src/server/control/client.ts";
import type { ServerStatus } from "../../src/server/control/status.ts";
import type { ThreadView } from "../../src/server/worker/worker-protocol.ts";
import { fixture, get, hold, lifeApp, serve, tempFolder, until, workersOf } from "../server/arbiter/support.ts";
import { runHeddle, startServer, type TestServer } from "../support/server.ts";

const hello = fixture("hello.ts");

describe("the control socket", { concurrency: 3 }, () => {
  test("can be opened by its owner only, and is gone after the server", async (t) => {
    const folder = tempFolder(t);
    const control = join(folder, "new", "c.sock");
    const server = await startServer(hello, ["-t", "1", "--control", control]);
    t.after(async () => void (await server.stop()));
    assert.equal(statSync(control).mode & 0o777, 0o600);
    assert.equal(statSync(dirname(control)).mode & 0o777, 0o700);
    await server.stop();
    assert.equal(statSync(control, { throwIfNoEntry: false }), undefined);
  });

  test("answers nonsense without harm", async (t) => {
    const server = await serve(t, hello, ["-t", "1"]);
    for (const path of ["//", "/%", "/nothing", "/scale?to=%"]) {
      assert.ok((await post(server.control, path)).length > 0, path);
    }
    await server.waitForStatus(({ ready }) => ready);
  });

  test("can't have a path that is too long, which is told by all", async (t) => {
    const control = join(tempFolder(t), "long".repeat(40), "c.sock");
    for (const what of [["serve", hello, "-p", "0"], ["status"]]) {
      const { code, stderr } = await runHeddle([...what, "--control", control]);
      assert.match(stderr, /the path has \d+ bytes, and that of a Unix socket at most 107/);
      assert.equal(code, 1);
    }
  });

  test("that is in use is told; off, there is none", async (t) => {
    const server = await serve(t, hello, ["-t", "1"]);
    const run = await runHeddle(["serve", hello, "-p", "0", "--control", server.control]);
    assert.equal(run.code, 1);
    assert.match(
      run.stderr,
      /cannot open the control socket .*: another heddle server has it\. Choose another with --control/,
    );
    await server.waitForStatus(({ ready }) => ready);
    const none = await startServer(hello, ["-t", "1", "--control", "off"]);
    t.after(async () => void (await none.stop()));
    assert.equal((await get(none.url)).body, "hello");
  });
});

test("a signal that means something to other servers only is told and ignored", async (t) => {
  const server = await serve(t, hello, ["-t", "1"]);
  for (const signal of ["SIGUSR1", "SIGUSR2"] as const) {
    server.signal(signal);
    await server.waitForLog(new RegExp(`${signal} has no meaning here and is ignored`));
  }
  assert.equal((await get(server.url)).body, "hello");
  assert.doesNotMatch(server.output(0), /Debugger listening/);
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
});

describe("what is at the control socket's path", { concurrency: 3 }, () => {
  test("is taken over, if it is the socket of a server that was killed", async (t) => {
    const first = await serve(t, hello, ["-t", "1"]);
    first.signal("SIGKILL");
    await first.exited;
    assert.ok(statSync(first.control).isSocket());
    const second = await startServer(hello, ["-t", "1", "--control", first.control]);
    t.after(async () => void (await second.stop()));
    assert.equal(((await ask(first.control, "/status")) as ServerStatus).pid, second.pid);
    await second.stop();
    assert.equal(statSync(first.control, { throwIfNoEntry: false }), undefined);
  });

  test("is taken over by one of two that start at once", async (t) => {
    const first = await serve(t, hello, ["-t", "1"]);
    first.signal("SIGKILL");
    await first.exited;
    const starts = await Promise.allSettled(
      [1, 2].map(() => startServer(hello, ["-t", "1", "--control", first.control])),
    );
    const started = starts.flatMap((start) => (start.status === "fulfilled" ? [start.value] : []));
    t.after(() => Promise.all(started.map((server) => server.stop())).then(() => {}));
    assert.equal(started.length, 1);
    assert.equal(((await ask(first.control, "/status")) as ServerStatus).pid, started[0]!.pid);
  });

  test("stays as it is, and is told, if it is anything else", async (t) => {
    const folder = tempFolder(t, { file: "kept" });
    mkdirSync(join(folder, "folder"));
    symlinkSync("nowhere", join(folder, "link"));
    const other = createServer((socket) =>
      socket
        .on("error", () => {})
        .resume()
        .end("no HTTP\n"),
    );
    await once(other.listen(join(folder, "other")), "listening");
    t.after(() => void other.close());
    for (const [name, started, asked] of [
      ["file", "a file is there, which heddle does not replace", /this is a file, and not a socket/],
      ["folder", "a folder is there, which heddle does not replace", /this is a folder, and not a socket/],
      ["link", "a symbolic link is there, which heddle does not replace", /no heddle server answers at/],
      ["other", "another process listens on it", /cannot talk to the server at|is not a heddle server/],
    ] as const) {
      const path = join(folder, name);
      const before = lstatSync(path).ino;
      const run = await runHeddle(["serve", hello, "-p", "0", "--control", path]);
      assert.equal(run.code, 1);
      const message = `cannot open the control socket ${path}: ${started}. Choose another with --control, or --control off.`;
      assert.ok(run.stderr.includes(message), run.stderr);
      const status = await runHeddle(["status", "--control", path]);
      assert.equal(status.code, 1);
      assert.match(status.stderr, asked);
      assert.equal(lstatSync(path).ino, before, name);
    }
    assert.equal(readFileSync(join(folder, "file"), "utf8"), "kept");
  });
});

describe("finding the server", { concurrency: 1 }, () => {
  test("works without --control for the only one, and for the one of this folder; else it is asked for", async (t) => {
    const runtime = tempFolder(t);
    const [here, there] = [tempFolder(t), tempFolder(t)];
    const env = { XDG_RUNTIME_DIR: runtime };
    const run = (args: readonly string[], cwd: string): ReturnType<typeof runHeddle> => runHeddle(args, { env, cwd });
    const none = await run(["status"], here);
    assert.equal(none.code, 1);
    assert.match(none.stderr, /no heddle server of this user is running/);

    const start = async (cwd: string): Promise<TestServer> => {
      // An empty --control is none given: the default place is what is tested.
      const server = await startServer(
        hello,
        ["-t", "1", "--control", join(runtime, "heddle", `${Math.random()}.sock`)],
        { env, cwd },
      );
      t.after(async () => void (await server.stop()));
      return server;
    };
    const first = await start(here);
    assert.match((await run(["status"], there)).stdout, new RegExp(first.url));
    // An empty variable counts as unset, and an empty flag is a mistake.
    const unset = await runHeddle(["status"], { env: { ...env, HEDDLE_CONTROL: "" }, cwd: there });
    assert.match(unset.stdout, new RegExp(first.url), unset.stderr);
    const empty = await run(["status", "--control", ""], there);
    assert.deepEqual([empty.code, empty.stdout], [2, ""]);
    assert.match(empty.stderr, /--control: got ""; expected a path for the socket, or off/);
    const second = await start(there);
    assert.match((await run(["status"], here)).stdout, new RegExp(first.url));
    assert.match((await run(["status"], there)).stdout, new RegExp(second.url));
    const ambiguous = await run(["reload"], runtime);
    assert.equal(ambiguous.code, 1);
    assert.match(ambiguous.stderr, /2 heddle servers are running\. Choose one with --control:\n(  --control .*\n){2}/);

    // A dead one's socket is cleared away.
    first.signal("SIGKILL");
    await first.exited;
    assert.match((await run(["status"], runtime)).stdout, new RegExp(second.url));
  });

  test("does not trust a folder that is somebody else's", async (t) => {
    const runtime = tempFolder(t);
    mkdirSync(join(runtime, "elsewhere"));
    symlinkSync(join(runtime, "elsewhere"), join(runtime, "heddle"));
    const run = await runHeddle(["serve", hello, "-p", "0", "--control", join(runtime, "heddle", "c.sock")], {
      env: { XDG_RUNTIME_DIR: runtime },
    });
    assert.equal(run.code, 1);
    assert.match(run.stderr, /is not a folder of this user/);
  });
});

describe("status and threads", { concurrency: 3 }, () => {
  test("show what runs, as a table and as JSON", async (t) => {
    const server = await serve(t, lifeApp, ["-w", "2", "-t", "2"]);
    const held = await hold(t, server);
    await server.waitForStatus(({ models }) => models["loop"]!.inFlight === 1);
    const json = JSON.parse(
      (await runHeddle(["status", "--json", "--control", server.control])).stdout,
    ) as ServerStatus;
    assert.equal(json.pid, server.pid);
    assert.equal(json.shape, "server");
    assert.deepEqual(json.urls, [server.url]);
    assert.equal(json.ready, true);
    assert.deepEqual(new Set(json.workers.map(({ pid }) => pid)), new Set(workersOf(server.pid)));
    for (const worker of json.workers) {
      assert.ok(worker.rssBytes > 0);
      assert.deepEqual(
        worker.threads.map(({ index, state }) => [index, state]),
        [
          [0, "ready"],
          [1, "ready"],
        ],
      );
    }
    const { stdout } = await runHeddle(["status", "--control", server.control]);
    assert.match(stdout, /ready, generation 1/);
    assert.match(stdout, /^WORKER +GEN +STATE +UP +RSS +THREAD/m);
    const shown = (await runHeddle(["threads", "--control", server.control])).stdout;
    assert.match(shown, /loop {2}POST \/held {2}executing for \d/);
    assert.equal(await held.finish(), "begun and done");
    await server.waitForStatus(({ counters }) => counters.finished >= 1);
  });

  test("keep counting across reloads, and name a worker that does not answer", async (t) => {
    const server = await serve(t, lifeApp, ["-t", "1", "--heartbeat-timeout", "0"]);
    for (let i = 0; i < 3; i++) await get(server.url);
    assert.equal((await runHeddle(["reload", "--control", server.control])).code, 0);
    await get(server.url);
    // Counted when the response has closed, a moment after the client had it.
    const { counters } = await server.waitForStatus(({ handler }) => handler.sinceStart.count === 4);
    assert.equal(counters.started, 4);
    assert.equal(counters.finished, 4);
    const [worker] = workersOf(server.pid);
    process.kill(worker!, "SIGSTOP");
    const told = async (...what: string[]): Promise<string> =>
      (await runHeddle([...what, "--control", server.control])).stdout;
    try {
      assert.match(await told("status"), /silent/);
      assert.match(await told("threads"), new RegExp(`^worker ${worker}: does not answer$`, "m"));
      assert.match(await told("threads", "--tree"), new RegExp(`^worker ${worker} all threads: does not answer$`, "m"));
      const views = JSON.parse(await told("threads", "--json")) as ThreadView[];
      assert.ok(views.some((view) => view.worker === worker && view.state === "silent"));
    } finally {
      process.kill(worker!, "SIGCONT");
    }
  });

  test("show the stack of a thread that is stuck, and readiness says so", async (t) => {
    const server = await serve(t, lifeApp, ["-t", "1", "--health-port", "0", "--timeout", "0"]);
    const [, health] = await server.waitForLog(/health on (http:\S+)\/livez/);
    const probe = async (path: string): Promise<number> => (await get(health!, path)).status;
    // A thread that waits for the CPU is not ready either.
    await until(async () => (await probe("/readyz")) === 200, "readiness");
    assert.deepEqual([await probe("/livez"), await probe("/else")], [200, 404]);
    const file = join(tempFolder(t), "go-on");
    const spinning = get(server.url, `/block-until?file=${file}`);
    await until(async () => (await probe("/readyz")) === 503, "readiness to end");
    assert.equal(await probe("/livez"), 200, "blocked is not dead");
    const { stdout } = await runHeddle(["threads", "--control", server.control]);
    assert.match(stdout, /thread 0: BLOCKED for .*, 1 request$/m);
    assert.match(stdout, /GET \/block-until\?file=/);
    assert.match(stdout, /at blockUntil \(.*app\.ts:\d+/);
    const views = JSON.parse(
      (await runHeddle(["threads", "--json", "--control", server.control])).stdout,
    ) as ThreadView[];
    assert.match(views[0]!.stack ?? "", /blockUntil/);
    writeFileSync(file, "");
    await spinning;
    await until(async () => (await probe("/readyz")) === 200, "readiness to come back");
  });
});

test("the commands that change a server have their outcome as JSON, and nothing else", async (t) => {
  const server = await serve(t, hello, ["-w", "1", "-t", "1"]);
  const outcome = async (...what: string[]): Promise<unknown> =>
    JSON.parse((await runHeddle([...what, "--json", "--control", server.control])).stdout);
  assert.deepEqual(await outcome("scale", "2"), { workers: 2, serving: 2, killed: 0 });
  assert.deepEqual(await outcome("reload"), { generation: 2, workers: 2, serving: 2, killed: 0 });
  assert.deepEqual(await outcome("stop"), { killed: 0 });
});

test("a process at the control socket that is not heddle is told as that, whatever it answers", async (t) => {
  const socket = join(tempFolder(t), "other.sock");
  let body = "";
  const other = createHttpServer((_, res) => void res.end(body)).listen(socket);
  t.after(() => other.close());
  await once(other, "listening");
  const message = `the process that answers at ${socket} is not a heddle server`;
  for (body of ["hello", "{}", "null", '{"message":"page not found"}', '{"error":"no such page"}', '["a"]']) {
    await assert.rejects(ask(socket, "/status"), { code: "CONTROL_UNAVAILABLE", message }, body);
    const reloading = command(socket, "/reload", { progress: () => {} });
    await assert.rejects(reloading, { code: "CONTROL_UNAVAILABLE", message }, body);
  }
  body = '{"message":"page not found"}';
  for (const what of [["threads"], ["stop"]]) {
    const { code, stderr } = await runHeddle([...what, "--control", socket]);
    assert.deepEqual({ code, stderr }, { code: 1, stderr: `heddle: ${message}\n` });
  }
});

describe("a server that comes and goes", { concurrency: 2 }, () => {
  test("health is told from the first moment to the last: booting, stopping", async (t) => {
    const folder = tempFolder(t, {
      "app.ts": `import { existsSync } from "node:fs";
        while (!existsSync("go-on")) await new Promise((resolve) => setTimeout(resolve, 20));
        export { default } from ${JSON.stringify(lifeApp)};\n`,
    });
    const control = join(folder, "c.sock");
    const starting = startServer(join(folder, "app.ts"), ["-t", "1", "--control", control], { cwd: folder });
    const booting = await until(() => health(control, "/readyz").catch(() => undefined), "the control socket");
    assert.deepEqual(booting, [503, { ready: false, generation: 0 }]);
    assert.equal((await health(control, "/livez"))[0], 200);
    writeFileSync(join(folder, "go-on"), "");
    const server = await starting;
    t.after(async () => void (await server.stop()));
    assert.deepEqual(
      await until(async () => ((await health(control, "/readyz"))[0] === 200 ? true : undefined), "ready"),
      true,
    );
    const held = await hold(t, server);
    server.signal("SIGTERM");
    await until(async () => (await health(control, "/readyz"))[0] === 503, "readiness to end");
    assert.deepEqual((await health(control, "/readyz"))[1], { ready: false, generation: 1, stopping: true });
    assert.equal(await held.finish(), "begun and done");
  });

  test("a command says when its server dies, or does not answer", async (t) => {
    const folder = tempFolder(t, { "app.ts": "" });
    writeFileSync(join(folder, "app.ts"), `export { default } from ${JSON.stringify(hello)};\n`);
    const server = await serve(t, join(folder, "app.ts"), ["-t", "1"]);
    writeFileSync(join(folder, "app.ts"), "await new Promise(() => setInterval(() => {}, 1000));\n");
    const reloading = runHeddle(["reload", "--control", server.control]);
    await server.waitForStatus(({ workers }) => workers.length === 2);
    server.signal("SIGSTOP");
    const mute = await runHeddle(["status", "--control", server.control]);
    assert.equal(mute.code, 1);
    assert.match(mute.stderr, /^heddle: cannot talk to the server at .*: no answer within 5000 ms\n$/);
    server.signal("SIGKILL");
    const run = await reloading;
    assert.equal(run.code, 1);
    assert.equal(run.stderr, "heddle: the server ended before it reported the result of the command\n");
    const gone = await runHeddle(["status", "--control", server.control]);
    assert.match(
      gone.stderr,
      /^heddle: no heddle server answers at \S+: nobody listens on this socket any more\n.*Its server was killed/,
    );
    const ended = await runHeddle(["status", "--control", join(folder, "none.sock")]);
    assert.match(ended.stderr, /^heddle: no heddle server answers at \S+none.sock: nothing is there\n/);
  });
});

function health(socketPath: string, path: string): Promise<[number, Record<string, unknown>]> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      response.on("end", () => resolve([response.statusCode!, JSON.parse(body) as Record<string, unknown>]));
    })
      .on("error", reject)
      .end();
  });
}

function post(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path, method: "POST", agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      response.on("end", () => resolve(body));
    })
      .on("error", reject)
      .end();
  });
}
