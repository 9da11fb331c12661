import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { get, type LifeServer, serve, tempFolder, workersOf } from "../server/arbiter/support.ts";
import { runHeddle } from "../support/server.ts";

/** Answers with the variables that begin with MY_, as the module saw them. */
const app = `
const mine = Object.entries(process.env).filter(([name]) => name.startsWith("MY_"));
const text = JSON.stringify({ ...Object.fromEntries(mine), zone: Intl.DateTimeFormat().resolvedOptions().timeZone });
export default (_req: unknown, res: { end(text: string): void }): void => res.end(text);
`;

function folderWith(t: TestContext, env: string): string {
  return tempFolder(t, { "app.ts": app, ".env": env });
}

async function seen({ url }: LifeServer): Promise<unknown> {
  return JSON.parse((await get(url)).body);
}

async function reload({ control }: LifeServer): Promise<{ readonly code: number | null; readonly stderr: string }> {
  return runHeddle(["reload", "--control", control]);
}

describe("--env-file", { concurrency: 2 }, () => {
  test("with a variable that is too large for the system is told as that", async (t) => {
    const cwd = folderWith(t, `MY_KEY=${"x".repeat(200_000)}`);
    const run = await runHeddle(["serve", "app.ts", "-w", "1", "-p", "0", "--control", "off", "--env-file", ".env"], {
      cwd,
    });
    assert.equal(run.code, 1);
    assert.match(
      run.stderr,
      /^heddle: worker could not be started: spawn E2BIG\nA variable of its environment \(--env-file\)/,
    );
    assert.doesNotMatch(run.stderr, / at /);
  });

  for (const args of [
    ["-w", "2", "-t", "1"],
    ["-m", "sync"],
    ["-t", "1", "-m", "threads"],
    ["-t", "1", "-m", "thread-per-request"],
  ]) {
    test(`of ${args.join(" ")} is read anew by a reload: what changed, what came, what is gone`, async (t) => {
      const cwd = folderWith(t, "MY_A=1\nMY_B=1\nMY_REAL=file\nTZ=Asia/Tokyo\n");
      const env = { MY_REAL: "real" };
      const server = await serve(t, "app.ts", [...args, "--env-file", ".env"], { cwd, env });
      assert.deepEqual(await seen(server), { MY_A: "1", MY_B: "1", MY_REAL: "real", zone: "Asia/Tokyo" });
      writeFileSync(join(cwd, ".env"), 'MY_B="2\n2"\nMY_C=2\nTZ=UTC\n');
      assert.equal((await reload(server)).code, 0);
      assert.deepEqual(await seen(server), { MY_B: "2\n2", MY_C: "2", MY_REAL: "real", zone: "UTC" });
    });
  }

  test("that is missing or wrong at a reload fails it, and the old environment stays, for replaced workers too", async (t) => {
    const cwd = folderWith(t, "MY_A=1\n");
    const server = await serve(t, "app.ts", ["-t", "1", "--env-file", ".env"], { cwd, env: { TZ: "UTC" } });
    writeFileSync(join(cwd, ".env"), "MY_A=2\nsecret\n");
    const wrong = await reload(server);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /\.env cannot be used: line 2 is neither NAME=value/);
    assert.doesNotMatch(wrong.stderr + server.stderr(), /secret/);
    rmSync(join(cwd, ".env"));
    const missing = await reload(server);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /\.env cannot be used: it does not exist\n.*Generation 1 keeps serving/);
    const [worker] = workersOf(server.pid);
    process.kill(worker!, "SIGKILL");
    await server.waitForStatus(({ workers }) =>
      workers.every(({ pid, state }) => pid !== worker && state === "serving"),
    );
    assert.deepEqual(await seen(server), { MY_A: "1", zone: "UTC" });
    writeFileSync(join(cwd, ".env"), "MY_A=3\n");
    assert.equal((await reload(server)).code, 0);
    assert.deepEqual(await seen(server), { MY_A: "3", zone: "UTC" });
  });

  test("that is missing or wrong at the start is a wrong setting, whoever names it", async (t) => {
    const cwd = folderWith(t, "MY_A");
    for (const [args, env] of [
      [["-E", ".env"], {}],
      [[], { HEDDLE_ENV_FILE: ".env" }],
      [["--env-file", ".env"], {}],
    ] as const) {
      const run = await runHeddle(["serve", "app.ts", ...args], { cwd, env });
      assert.deepEqual([run.code, run.stdout], [2, ""]);
      assert.match(run.stderr, /^heddle: --env-file: .*\.env cannot be used: line 1 is neither NAME=value/);
    }
    const run = await runHeddle(["check", "app.ts", "-E", "none"], { cwd });
    assert.equal(run.code, 2);
    assert.match(run.stderr, /none cannot be used: it does not exist/);
  });

  for (const flags of [["--env-file=.env"], ["--env-file-if-exists", ".env"]])
    test(`given to node is read when heddle starts, and by no worker (${flags.join(" ")})`, async (t) => {
      const cwd = tempFolder(t, { "shop/app.ts": app, ".env": "MY_A=1\n" });
      const args = ["-w", "1", "-t", "1", "--chdir", "shop"];
      const server = await serve(t, "app.ts", args, { cwd, env: { TZ: "UTC" }, nodeFlags: flags });
      assert.deepEqual(await seen(server), { MY_A: "1", zone: "UTC" });
      rmSync(join(cwd, ".env"));
      assert.equal((await reload(server)).code, 0);
      assert.deepEqual(await seen(server), { MY_A: "1", zone: "UTC" });
    });

  test("is watched with --watch", async (t) => {
    const cwd = folderWith(t, "MY_A=1\n");
    const server = await serve(t, "app.ts", ["-t", "1", "--watch", "-E", ".env"], { cwd, env: { TZ: "UTC" } });
    assert.deepEqual(await seen(server), { MY_A: "1", zone: "UTC" });
    writeFileSync(join(cwd, ".env"), "MY_A=2\n");
    await server.waitForLog(/reload \(--watch\): generation 2: serving/);
    // Until the old worker has left, it may be the one that accepts.
    await server.waitForStatus(({ workers }) => workers.every(({ generation }) => generation === 2));
    assert.deepEqual(await seen(server), { MY_A: "2", zone: "UTC" });
  });

  test("named twice: the later file comes before the earlier one", async (t) => {
    const cwd = folderWith(t, "MY_A=1\nMY_B=1\n");
    writeFileSync(join(cwd, "local.env"), "MY_B=2\n");
    const args = ["-t", "1", "--env-file=.env", "--env-file=local.env"];
    const server = await serve(t, "app.ts", args, { cwd, env: { TZ: "UTC" } });
    assert.deepEqual(await seen(server), { MY_A: "1", MY_B: "2", zone: "UTC" });
  });

  test("is there for the config file, which may name it itself, and may hold settings", async (t) => {
    const cwd = folderWith(t, "MY_A=1\nMY_WORKERS=2\nHEDDLE_DEBUG_HEADERS=true\n");
    const config = join(cwd, "heddle.config.ts");
    writeFileSync(config, "export default { workers: Number(process.env.MY_WORKERS), threads: 1 };");
    const early = await serve(t, "app.ts", ["--env-file", ".env"], { cwd });
    assert.equal(workersOf(early.pid).length, 2);
    assert.ok((await get(early.url)).headers["x-heddle-worker"]);
    writeFileSync(join(cwd, ".env"), "MY_A=2\nMY_WORKERS=1\n");
    assert.equal((await reload(early)).code, 0);
    assert.equal((await early.status()).workers.length, 1);
    assert.equal((await get(early.url)).headers["x-heddle-worker"], undefined);

    writeFileSync(config, 'export default { envFile: ".env", threads: 1 };');
    const late = await serve(t, "app.ts", [], { cwd, env: { TZ: "UTC" } });
    assert.deepEqual(await seen(late), { MY_A: "2", MY_WORKERS: "1", zone: "UTC" });
  });
});

describe("variables of a Kubernetes Service named heddle", { concurrency: 2 }, () => {
  const links = {
    HEDDLE_SERVICE_HOST: "10.0.0.1",
    HEDDLE_SERVICE_PORT: "8000",
    HEDDLE_SERVICE_PORT_HTTP: "8000",
    HEDDLE_PORT: "tcp://10.0.0.1:8000",
    HEDDLE_PORT_8000_TCP: "tcp://10.0.0.1:8000",
    HEDDLE_PORT_8000_TCP_PROTO: "tcp",
    HEDDLE_PORT_8000_TCP_PORT: "8000",
    HEDDLE_PORT_8000_TCP_ADDR: "10.0.0.1",
    HEDDLE_HEALTH_SERVICE_HOST: "fd00::1",
    HEDDLE_HEALTH_SERVICE_PORT: "80",
    HEDDLE_HEALTH_PORT: "tcp://[fd00::1]:80",
  };

  test("do not stop the boot; one warning names them, and where a setting's value comes from", async (t) => {
    const cwd = folderWith(t, "");
    const server = await serve(t, "app.ts", ["-t", "1", "--listen", "127.0.0.1:0"], { cwd, env: links });
    assert.equal((await get(server.url)).status, 200);
    assert.equal((await reload(server)).code, 0);
    const told = server.stderr().match(/ignored, because they are not settings of heddle: .*/g);
    assert.equal(told?.length, 1);
    for (const name of Object.keys(links)) assert.ok(told[0].includes(name), name);
    assert.match(
      told[0],
      /the Service \\"heddle\\", \\"heddle-health\\"\. To prevent it, set enableServiceLinks: false/,
    );
    assert.match(told[0], /--health-port is not set\./);
  });

  test("are told of by heddle check, with the settings that are given", async (t) => {
    const run = await runHeddle(["check", "app.ts", "-w", "2"], {
      cwd: folderWith(t, ""),
      env: { ...links, PORT: "8080" },
    });
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /^listen +127\.0\.0\.1:8080$/m);
    assert.match(
      run.stdout,
      /^setting +--port 8080 +\(PORT in the environment\)\nsetting +--workers 2 +\(--workers\)$/m,
    );
    assert.match(
      run.stdout,
      /^warning +ignored, because they are not settings .* --port is "8080": PORT in the environment\./m,
    );
  });

  test("do not hide a misspelt setting beside them", async (t) => {
    const env = { ...links, HEDDLE_WROKERS: "2" };
    const run = await runHeddle(["serve", "app.ts"], { cwd: folderWith(t, ""), env });
    assert.equal(run.code, 2);
    assert.match(run.stderr, /HEDDLE_WROKERS in the environment is not a setting; did you mean HEDDLE_WORKERS\?/);
  });
});
