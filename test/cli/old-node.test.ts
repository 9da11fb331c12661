import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, readFileSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { fixture, get, tempFolder, until } from "../server/arbiter/support.ts";

const bin = fileURLToPath(new URL("../../bin/heddle.js", import.meta.url));
const beside = fileURLToPath(new URL("../../node_modules/node/bin/node", import.meta.url));
const old = ["/usr/bin/node", "/usr/local/bin/node", "/opt/node/bin/node"].find((path) => {
  if (!existsSync(path)) return false;
  const major = Number(spawnSync(path, ["-p", "process.versions.node"], { encoding: "utf8" }).stdout.split(".")[0]);
  return major >= 18 && major < 26;
});
const skip = old === undefined ? "there is no older Node on this machine" : !existsSync(beside) && "no node package";

test("under an older Node heddle runs on the node package beside it, and passes signals on", { skip }, async (t) => {
  for (const [signal, then] of [
    ["SIGHUP", /generation 2: serving/],
    ["SIGTERM", undefined],
    ["SIGINT", undefined],
  ] as const) {
    const args = [bin, "serve", fixture("hello.ts"), "-p", "0", "-t", "1", "--control", "off"];
    const child = spawn(old!, args, { stdio: ["ignore", "pipe", "pipe"] });
    t.after(() => void child.kill("SIGKILL"));
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    const [, url] = await until(() => /listening on (\S+)/.exec(output), "the server to listen");
    assert.equal((await get(url!)).body, "hello");
    child.kill(signal);
    if (then !== undefined) {
      await until(() => then.test(output), String(then));
      child.kill("SIGTERM");
    }
    assert.deepEqual(await once(child, "exit"), [0, null]);
  }
});

test("under an older Node the sockets heddle was started with are passed on", { skip }, async (t) => {
  for (const how of ["fd", "systemd"]) {
    const listener = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
    t.after(() => void listener.close());
    await once(listener, "listening");
    const { fd } = Reflect.get(listener, "_handle") as { fd: number };
    const { port } = listener.address() as { port: number };
    const script = how === "fd" ? 'exec "$@"' : 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"';
    const where = how === "fd" ? ["-l", "fd://3"] : [];
    const args = ["-c", script, "sh", old!, bin, "serve", fixture("hello.ts"), "-t", "1", "--control", "off", ...where];
    const child = spawn("sh", args, { stdio: ["ignore", "pipe", "inherit", fd] });
    t.after(() => void child.kill("SIGKILL"));
    let output = "";
    child.stdout!.setEncoding("utf8").on("data", (text: string) => (output += text));
    await until(() => output.includes("listening on"), "the server to listen");
    assert.equal(output, `listening on http://127.0.0.1:${port}\n`);
    listener.close();
    assert.equal((await get(`http://127.0.0.1:${port}`)).body, "hello");
    child.kill("SIGTERM");
    assert.deepEqual(await once(child, "exit"), [0, null]);
  }
});

test("the server ends as by SIGTERM when the older Node that started it is killed", { skip }, async (t) => {
  const listener = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
  t.after(() => void listener.close());
  await once(listener, "listening");
  const { fd } = Reflect.get(listener, "_handle") as { fd: number };
  for (const [script, passed, where] of [
    ['exec "$@"', [], ["-p", "0"]],
    ['exec "$@"', [fd], ["-l", "fd://3"]],
    ['LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', [fd], []],
  ] as const) {
    const file = join(tempFolder(t), "pid");
    const args = ["serve", fixture("hello.ts"), "-w", "1", "--control", "off", "--pid-file", file, ...where];
    const child = spawn("sh", ["-c", script, "sh", old!, bin, ...args], {
      stdio: ["ignore", "pipe", "pipe", ...passed],
    });
    t.after(() => void child.kill("SIGKILL"));
    let output = "";
    for (const stream of [child.stdout!, child.stderr!])
      stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    await until(() => output.includes("listening on"), "the server to listen");
    const server = Number(readFileSync(file, "utf8"));
    assert.notEqual(server, child.pid);
    let ended = false;
    t.after(() => void (ended || process.kill(server, "SIGKILL")));
    child.kill("SIGKILL");
    // All processes of the server have its output: it is at its end when they are.
    await once(child, "close", { signal: AbortSignal.timeout(60_000) });
    ended = true;
    assert.match(output, /stopping 1 worker/);
    assert.equal(existsSync(file), false);
  }
});

test("an older Node's exit code is the command's own", { skip }, () => {
  const run = spawnSync(old!, [bin, "sreve"], { encoding: "utf8" });
  assert.equal(run.status, 2);
  assert.match(run.stderr, /Did you mean `heddle serve`/);
});

test("without a newer Node heddle says what it needs", { skip }, (t) => {
  const folder = tempFolder(t);
  cpSync(bin, join(folder, "bin", "heddle.js"), { recursive: true });
  symlinkSync(fileURLToPath(new URL("../../package.json", import.meta.url)), join(folder, "package.json"));
  const run = spawnSync(old!, [join(folder, "bin", "heddle.js"), "version"], { cwd: folder, encoding: "utf8" });
  assert.equal(run.status, 1);
  assert.match(
    run.stderr,
    /^heddle needs Node 26\.\d+ or later and runs under \d+\.\d+\.\d+\. Install it, or add it to the project: npm install --save-dev node@26\n$/,
  );
});
