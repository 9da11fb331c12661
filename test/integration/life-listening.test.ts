import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { connect } from "node:tls";
import { describe, test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { fixture, get, lifeApp, makeCertificate, serve, spread, tempFolder, until } from "../server/arbiter/support.ts";
import { type Run, runHeddle } from "../support/server.ts";
import { hasFfi } from "../support/ffi.ts";

const bin = fileURLToPath(new URL("../../bin/heddle.js", import.meta.url));
const hello = fixture("hello.ts");

test("without node:ffi a Unix socket is refused at the start, with the way out", async (t) => {
  const path = join(tempFolder(t), "app.sock");
  const env = { NODE_OPTIONS: "--no-experimental-ffi" };
  const where = ["-l", `unix:${path}`];
  for (const args of [
    ["serve", hello, ...where, "-w", "1", "--control", "off"],
    ["serve", hello, ...where, "-w", "2", "--control", "off"],
    ["check", hello, ...where],
  ]) {
    const run = await runHeddle(args, { env });
    assert.equal(run.code, 1);
    assert.equal(
      run.stderr,
      "heddle: Unix sockets need `node:ffi`, which this Node does not offer.\n" +
        "Use Node 26.10 or later without --no-experimental-ffi, or listen on a TCP address.\n",
    );
    assert.equal(existsSync(path), false);
  }
});

// Without node:ffi there are none: the test above.
describe("a Unix socket", { concurrency: 3 }, () => {
  for (const workers of hasFfi ? [1, 2] : []) {
    test(`spreads connections over the threads of ${workers} workers`, async (t) => {
      const path = join(tempFolder(t), "app.sock");
      const args = [
        "--listen",
        `unix:${path}?mode=0660`,
        "-w",
        `${workers}`,
        "-t",
        "2",
        "--debug-headers",
        "--blocked-threshold",
        "10s",
      ];
      const server = await serve(t, lifeApp, args);
      assert.equal(server.url, `unix:${path}`);
      assert.equal(statSync(path).mode & 0o777, 0o660);
      const counts = await spread(server.url, 32);
      const even = 32 / (2 * workers);
      assert.equal(counts.size, 2 * workers);
      for (const count of counts.values()) assert.ok(Math.abs(count - even) <= even / 4, JSON.stringify([...counts]));
      await server.stop();
      assert.equal(existsSync(path), false, "removed at the end");
    });
  }

  const takesOver = async (t: TestContext): Promise<void> => {
    const path = join(tempFolder(t), "app.sock");
    const first = await serve(t, hello, ["--listen", `unix:${path}`]);
    const second = await runHeddle(["serve", hello, "--listen", `unix:${path}`, "--control", "off"]);
    assertFailure(second, 1, /cannot listen on unix:.*app\.sock: another program listens there already/);
    first.signal("SIGKILL");
    await first.exited;
    assert.equal(existsSync(path), true, "a stale socket file");
    const third = await serve(t, hello, ["--listen", `unix:${path}`]);
    assert.equal((await get(third.url)).body, "hello");
  };
  if (hasFfi) test("that a killed server left behind is taken over, one that is alive is not", takesOver);

  const isTheApps = async (t: TestContext): Promise<void> => {
    const code = `
import { createServer } from "node:http";
const server = createServer((req, res) => res.end(JSON.stringify(server.address()))).listen("app.sock");`;
    const folder = tempFolder(t, { "app.mjs": code });
    const path = join(folder, "app.sock");
    const server = await serve(t, join(folder, "app.mjs"), ["--listen", `unix:${path}`, "-w", "2"], { cwd: folder });
    assert.equal((await get(server.url)).body, '"app.sock"');
    assert.doesNotMatch(server.output(0), /the app also listens/);
  };
  if (hasFfi) test("may be the one on which the app listens by itself", isTheApps);

  test("does not replace a file that is none", async (t) => {
    const path = join(tempFolder(t, { "notes.txt": "keep me" }), "notes.txt");
    const run = await runHeddle(["serve", hello, "--listen", `unix:${path}`, "--control", "off"]);
    assertFailure(run, 1, /cannot listen on unix:.*notes\.txt/);
    const control = await runHeddle(["serve", hello, "-p", "0", "--control", path]);
    assertFailure(control, 1, /cannot open the control socket .*notes\.txt/);
    assert.equal(statSync(path).size, "keep me".length);
  });
});

describe("several listeners", () => {
  test("all answer, and are each told", async (t) => {
    const path = join(tempFolder(t), "app.sock");
    for (const workers of ["1", "2"]) {
      const places = ["127.0.0.1:0", "127.0.0.1:0", ...(hasFfi ? [`unix:${path}`] : [])];
      const args = [...places.flatMap((place) => ["-l", place]), "-w", workers, "-t", "1"];
      const server = await serve(t, hello, args, { listeners: places.length });
      assert.equal(server.urls.length, places.length);
      for (const url of server.urls) assert.equal((await get(url)).body, "hello");
      await server.stop();
    }
  });
});

describe("an inherited socket", { concurrency: 3 }, () => {
  for (const workers of [1, 2]) {
    test(`is served by ${workers} workers, as fd://3 and as systemd passes it`, async (t) => {
      for (const how of ["fd", "systemd"] as const) {
        const { listener, port } = await listening(t);
        const child = startOn(t, listener, how, ["-w", `${workers}`, "-t", "1"]);
        let output = "";
        child.stdout!.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
        await until(() => output.includes("listening on"), "the server to listen");
        assert.equal(output.trim(), `listening on http://127.0.0.1:${port}`);
        // This process accepts as well, until now.
        listener.close();
        assert.equal((await get(`http://127.0.0.1:${port}`)).body, "hello");
        child.kill("SIGTERM");
        assert.deepEqual(await once(child, "exit"), [0, null]);
      }
    });
  }

  test("that was not passed is told in one line", async () => {
    const run = await runHeddle(["serve", hello, "-l", "fd://63", "--control", "off"]);
    assertFailure(run, 1, /fd:\/\/63: no such descriptor/);
  });
});

async function listening(t: TestContext): Promise<{ listener: Server; port: number }> {
  const listener = createServer((socket) => socket.destroy());
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  t.after(() => void listener.close());
  return { listener, port: (listener.address() as { port: number }).port };
}

/** `sh` gives heddle its own process id, as systemd does. */
function startOn(
  t: TestContext,
  listener: Server,
  how: "fd" | "systemd",
  args: readonly string[],
): ReturnType<typeof spawn> {
  const { fd } = Reflect.get(listener, "_handle") as { fd: number };
  const script = how === "fd" ? 'exec "$@"' : 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"';
  const where = how === "fd" ? ["-l", "fd://3"] : [];
  const command = [process.execPath, bin, "serve", hello, "--control", "off", ...where, ...args];
  const child = spawn("sh", ["-c", script, "sh", ...command], { stdio: ["ignore", "pipe", "inherit", fd] });
  t.after(() => void child.kill("SIGKILL"));
  return child;
}

test("an app that listens on what systemd passes does not take heddle's own descriptor for it", async (t) => {
  const code = `
import { createServer } from "node:http";
const where = Number(process.env.LISTEN_FDS) > 0 ? { fd: 3 } : 3000;
createServer((req, res) => res.end("hello")).listen(where);`;
  const app = join(tempFolder(t, { "app.mjs": code }), "app.mjs");
  const server = await serve(t, app, ["-w", "1"], { env: { LISTEN_FDS: "1", LISTEN_PID: "1", LISTEN_FDNAMES: "web" } });
  assert.equal((await get(server.url)).body, "hello");
});

describe("TLS", { concurrency: 3 }, () => {
  test("is spoken with the certificate given; a reload takes the new one, and keeps the old generation when it is bad", async (t) => {
    const folder = tempFolder(t);
    const one = makeCertificate(folder, "one");
    const two = makeCertificate(folder, "two");
    const [cert, key] = [join(folder, "live.crt"), join(folder, "live.key")];
    const install = (pair: typeof one): void => {
      copyFileSync(pair.cert, cert);
      copyFileSync(pair.key, key);
    };
    install(one);
    const server = await serve(t, hello, ["--tls-cert", cert, "--tls-key", key, "-t", "2"]);
    assert.match(server.url, /^https:/);
    assert.deepEqual(await secureGet(server.port), { name: "one", body: "hello" });

    install(two);
    assert.equal((await runHeddle(["reload", "--control", server.control])).code, 0);
    assert.deepEqual(await secureGet(server.port), { name: "two", body: "hello" });

    writeFileSync(cert, "not a certificate");
    const failed = await runHeddle(["reload", "--control", server.control]);
    assert.equal(failed.code, 1);
    assert.match(
      failed.stderr,
      /--tls-cert .*live\.crt is not a certificate in PEM form.*\nGeneration 2 keeps serving\.\n$/,
    );
    assert.deepEqual(await secureGet(server.port), { name: "two", body: "hello" });
    assert.match((await server.status()).lastReload?.error?.message ?? "", /live\.crt/);
  });

  test("is spoken with clients of HTTP/1.1, of HTTP/1.0, and with those that do not say", async (t) => {
    const { cert, key } = makeCertificate(tempFolder(t), "one");
    const server = await serve(t, hello, ["--tls-cert", cert, "--tls-key", key]);
    const offers: [offered: string[] | undefined, agreed: string | false][] = [
      [["http/1.0"], "http/1.0"],
      [["http/1.0", "http/1.1"], "http/1.1"],
      [["h2", "http/1.1"], "http/1.1"],
      [undefined, false],
    ];
    for (const [ALPNProtocols, agreed] of offers) {
      const options = { port: server.port, host: "127.0.0.1", rejectUnauthorized: false };
      const socket = connect({ ...options, ...(ALPNProtocols === undefined ? {} : { ALPNProtocols }) });
      t.after(() => void socket.destroy());
      await once(socket, "secureConnect");
      assert.equal(socket.alpnProtocol, agreed);
      socket.write("GET / HTTP/1.0\r\n\r\n");
      const answer = Buffer.concat(await Array.fromAsync(socket as AsyncIterable<Buffer>)).toString();
      assert.match(answer, /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nhello$/);
    }
  });

  test("that cannot be spoken is told in one line at the start", async (t) => {
    const folder = tempFolder(t);
    const one = makeCertificate(folder, "one");
    const two = makeCertificate(folder, "two");
    const start = (cert: string, key: string): Promise<Run> =>
      runHeddle(["serve", hello, "-p", "0", "--control", "off", "--tls-cert", cert, "--tls-key", key]);
    assertFailure(await start(join(folder, "none.crt"), one.key), 1, /--tls-cert .*none\.crt cannot be read/);
    assertFailure(await start(one.cert, one.cert), 1, /--tls-key .*one\.crt is not a private key/);
    assertFailure(await start(one.cert, two.key), 1, /--tls-key .*two\.key is not the key of .*one\.crt/);
  });
});

function secureGet(port: number): Promise<{ name: string; body: string }> {
  return new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port, rejectUnauthorized: false, agent: false }, (response) => {
      const { subject } = (response.socket as import("node:tls").TLSSocket).getPeerCertificate();
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      response.on("end", () => resolve({ name: String(subject.CN), body }));
    })
      .on("error", reject)
      .end();
  });
}

describe("an address that cannot be had", () => {
  test("is told in one line: in use, not this machine's, unknown", async (t) => {
    const { port } = await listening(t);
    const start = (address: string): Promise<Run> => runHeddle(["serve", hello, "-l", address, "--control", "off"]);
    assertFailure(
      await start(`127.0.0.1:${port}`),
      1,
      new RegExp(`127\\.0\\.0\\.1:${port}: another program listens there already`),
    );
    assertFailure(await start("192.0.2.1:0"), 1, /192\.0\.2\.1:0: this machine has no such address/);
    assertFailure(await start("nowhere.invalid:0"), 1, /nowhere\.invalid:0: the host name is not known/);
  });
});

function assertFailure(run: Run, code: number, message: RegExp): void {
  assert.equal(run.code, code, run.stderr);
  assert.match(run.stderr, message);
  assert.equal(run.stderr.trim().split("\n").length, 1, `one line: ${run.stderr}`);
}
