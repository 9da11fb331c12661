import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { HeddleError } from "../../../src/errors/errors.ts";
import { type BootedShape, type BootOptions, bootShape } from "../../../src/tune/probe/boot-shape.ts";
import { longestBlockMs } from "../../../src/tune/probe/loops.ts";
import type { Shape } from "../../../src/tune/types.ts";

/** Alone in it: what a server leaves behind can be seen. */
const temporary = mkdtempSync(join(tmpdir(), "heddle-test-"));
process.env["TMPDIR"] = temporary;
after(() => rmSync(temporary, { recursive: true }));

const isLinux = process.platform === "linux";
const cwd = fileURLToPath(new URL("../../..", import.meta.url));
const ONE_LOOP: Shape = { model: "loop", workers: 1, threads: 1 };

function fixture(name: string): string {
  return join(cwd, "test/fixtures/tune", `${name}.ts`);
}

async function boot(
  t: TestContext,
  shape: Shape,
  args: readonly string[] = [],
  options: BootOptions = {},
): Promise<BootedShape> {
  const server = await bootShape({ args: [fixture("holds"), ...args], cwd }, shape, options);
  t.after(() => server.stop());
  return server;
}

async function get(server: BootedShape, query: string): Promise<string> {
  const response = await fetch(`${server.url}/?${query}`, { signal: AbortSignal.timeout(30_000) });
  assert.equal(response.status, 200);
  return await response.text();
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("a booted shape", () => {
  test("answers on its own port, and leaves nothing behind when it is stopped", async () => {
    const server = await bootShape({ args: [fixture("holds")], cwd }, { model: "loop", workers: 2, threads: 1 });
    const pids = server.pids();
    try {
      assert.equal(await get(server, ""), "done");
      if (isLinux) assert.equal(pids.length, 3, "an arbiter and two workers");
    } finally {
      await server.stop();
    }
    assert.deepEqual(pids.filter(isThere), []);
    await assert.rejects(fetch(server.url));
    assert.deepEqual(leftBehind(), []);
    await server.stop();
  });

  test("has its own address, whatever the app says of where it listens", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "heddle-test-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const lines = ["http://127.0.0.1:9", ":3000"].map((address) => `console.log("listening on ${address}");`);
    const app = `${lines.join("\n")}\nexport default { fetch: () => new Response("own") };`;
    writeFileSync(join(folder, "app.mjs"), app);
    const server = await bootShape({ args: ["app.mjs"], cwd: folder }, ONE_LOOP);
    t.after(() => server.stop());
    assert.equal(await (await fetch(server.url)).text(), "own");
  });

  test("tells how often its workers ended, and the last error of its log", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "heddle-test-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const app = 'export default (req, res) => (req.url === "/end" ? process.exit(7) : res.end("done"));';
    writeFileSync(join(folder, "app.mjs"), app);
    const server = await bootShape({ args: ["app.mjs"], cwd: folder }, ONE_LOOP);
    t.after(() => server.stop());
    assert.deepEqual(await server.restarts(), { workers: 0, threads: 0 });
    assert.equal(server.lastError(), undefined);
    await assert.rejects(fetch(`${server.url}/end`));
    // It waits until the next worker takes it.
    assert.equal(await (await fetch(server.url)).text(), "done");
    assert.deepEqual(await server.restarts(), { workers: 1, threads: 0 });
    assert.match(server.lastError()!, /the app ended worker \d+ itself \(process\.exit\(7\)\)/);
  });

  test("has the shape that was asked for, whatever the user's settings say", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "heddle-test-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const taken = { port: Number(new URL((await boot(t, ONE_LOOP)).url).port) };
    writeFileSync(
      join(folder, "heddle.config.ts"),
      `export default { listen: "127.0.0.1:${taken.port}", model: "loop", workers: 3, healthPort: ${taken.port}, maxRequests: 1 };`,
    );
    const args = [fixture("holds"), "-w", "7", "--listen", `127.0.0.1:${taken.port}`, "--", "of", "the app"];
    const server = await bootShape({ args, cwd: folder }, { model: "threads", workers: 1, threads: 2 });
    t.after(() => server.stop());
    assert.notEqual(Number(new URL(server.url).port), taken.port);
    if (isLinux) assert.equal(server.pids().length, 2);
    assert.equal(await get(server, "args"), '["of","the app"]');
  });

  test("gives routes their models, beside what the user's config file has", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "heddle-test-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const app = `
      import { isMainThread } from "node:worker_threads";
      export default { fetch: () => Response.json({ isMainThread, said: process.env.SAID }) };`;
    writeFileSync(join(folder, "app.mjs"), app);
    writeFileSync(join(folder, "own.env"), "SAID=yes");
    const configFile = join(folder, "settings.mjs");
    writeFileSync(
      configFile,
      'export default { envFile: "own.env", routes: { "/slow": { timeout: "9s" }, "/b": { limit: 3 } } };',
    );
    const routes = { "/slow": { model: "threads", threads: 2 }, "GET /c/:id": { model: "tasks", threads: 1 } };
    const args = ["app.mjs", "--config", "settings.mjs", "--debug-headers"];
    const server = await bootShape({ args, cwd: folder, configFile }, { ...ONE_LOOP, routes });
    t.after(() => server.stop());
    const where = async (path: string): Promise<unknown> => (await fetch(server.url + path)).json();
    assert.deepEqual(await where("/b"), { isMainThread: true, said: "yes" });
    assert.deepEqual(await where("/slow"), { isMainThread: false, said: "yes" });
    assert.deepEqual(await where("/c/7"), { isMainThread: false, said: "yes" });
  });

  test("has one thread under sync, which accepts no other number", async (t) => {
    const server = await boot(t, { model: "sync", workers: 2, threads: 4 });
    assert.equal(await get(server, ""), "done");
  });

  test("runs on the CPUs that it is given", { skip: !isLinux }, async (t) => {
    const server = await boot(t, ONE_LOOP, [], { cpus: [0] });
    const { affinityOf } = await import("./affinity.ts");
    assert.deepEqual(server.pids().map(affinityOf), ["0", "0"]);
  });

  test("counts the CPU time of a request to its tree, and of a worker that has died", { skip: !isLinux }, async (t) => {
    const server = await boot(t, ONE_LOOP);
    await get(server, "cpu=1");
    const before = server.cpuSeconds();
    await get(server, "cpu=400");
    const used = server.cpuSeconds() - before;
    assert.ok(used >= 0.395 && used < 2, `${used} s for 0.4 s`);
    const worker = Number(await get(server, "pid"));
    process.kill(worker, "SIGKILL");
    while (isThere(worker) || server.pids().length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(server.cpuSeconds() - before >= 0.395, "what the dead worker used is not lost");
  });

  test("uses little CPU time for a request that only waits", { skip: !isLinux }, async (t) => {
    const server = await boot(t, ONE_LOOP);
    await get(server, "wait=1");
    const before = server.cpuSeconds();
    await get(server, "wait=500");
    assert.ok(server.cpuSeconds() - before < 0.4);
  });

  test("tells how long its loop was held, also by a call that blocks", async (t) => {
    const server = await boot(t, ONE_LOOP);
    await get(server, "cpu=1");
    const before = await server.blocks();
    for (let i = 0; i < 4; i++) await get(server, "block=120");
    const after = await server.blocks();
    assert.equal(after.threads, 1);
    assert.ok(after.busyMs - before.busyMs >= 4 * 110, `${after.busyMs - before.busyMs}`);
    // A heartbeat is due at most 25 ms after a block begins.
    assert.ok(longestBlockMs(before, after) >= 90, `${longestBlockMs(before, after)}`);
  });

  test("says when its server ends by itself", async (t) => {
    const server = await boot(t, ONE_LOOP);
    process.kill(server.pids()[0]!, "SIGKILL");
    const error = await server.ended;
    assert.equal(error.code, "TUNE_NOT_SERVED");
    assert.match(
      error.message,
      /^The app does not run as loop 1 × 1: its server was ended by SIGKILL while it was measured/,
    );
    await assert.rejects(server.blocks(), { code: "TUNE_NOT_SERVED" });
    assert.equal(typeof server.cpuSeconds(), "number");
    await server.stop();
  });
});

describe("an app that does not run", () => {
  const fails = async (name: string, options: BootOptions = {}): Promise<HeddleError> => {
    const error: unknown = await bootShape({ args: [fixture(name)], cwd }, ONE_LOOP, options).then(
      (server) => server.stop(),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof HeddleError, String(error));
    assert.equal(error.code, "TUNE_NOT_SERVED");
    return error;
  };

  test("is refused with what the server said: it dies while it is imported", async () => {
    const { message } = await fails("dies-at-import");
    assert.match(
      message,
      /its server ended with exit code 1, and said:\n.*dies-at-import\.ts:1: importing the app failed.*no database/s,
    );
  });

  test("is refused with what the server said: there is no such app", async () => {
    assert.match((await fails("missing")).message, /There is no file .*missing\.ts/);
  });

  test("is refused when it is not ready in time", async () => {
    assert.match(
      (await fails("never-ready", { bootTimeoutMs: 1500 })).message,
      /its server was not ready within 1\.5 s\.$/,
    );
  });

  test("is refused at once with a flag that there is not", async () => {
    await assert.rejects(bootShape({ args: [fixture("holds"), "--wrokers", "2"], cwd }, ONE_LOOP), {
      code: "CONFIG_UNKNOWN_FLAG",
    });
  });

  test("is given up when that is asked for, before and in the middle of its boot", async () => {
    const reason = new Error("enough");
    const app = { args: [fixture("never-ready")], cwd };
    await assert.rejects(bootShape(app, ONE_LOOP, { signal: AbortSignal.abort(reason) }), reason);
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 500);
    await assert.rejects(bootShape(app, ONE_LOOP, { signal: controller.signal }), reason);
    assert.deepEqual(leftBehind(), []);
  });
});

function leftBehind(): string[] {
  return readdirSync(temporary).filter((name) => name.startsWith("heddle-tune-"));
}
