import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { startMixedLoad } from "../../bench/mixed/start.ts";
import {
  fixture,
  get,
  isAlive,
  type LifeServer,
  lifeApp,
  serve,
  tempFolder,
  workersOf,
} from "../server/arbiter/support.ts";
import { runHeddle } from "../support/server.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

interface Place {
  readonly release: string;
  readonly cwd: string;
  readonly url: string;
}

interface Releases {
  /** Where `current`, the link, and `releases` are; without symbolic links of its own. */
  readonly folder: string;
  readonly current: string;
  make(name: string): void;
  /** As deployment tools do: the link is replaced in one step. */
  lead(to: string): void;
  remove(name: string): void;
}

function releases(t: TestContext): Releases {
  const folder = realpathSync(tempFolder(t));
  const current = join(folder, "current");
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const make = (name: string): void => {
    const release = join(folder, "releases", name);
    mkdirSync(release, { recursive: true });
    copyFileSync(lifeApp, join(release, "life.ts"));
    copyFileSync(fixture("web-sockets.ts"), join(release, "web-sockets.ts"));
    writeFileSync(join(release, "part.ts"), `export const release = ${JSON.stringify(name)};\n`);
    writeFileSync(join(release, "app.ts"), app);
  };
  const lead = (to: string): void => {
    symlinkSync(join(folder, "releases", to), `${current}.new`);
    renameSync(`${current}.new`, current);
  };
  const remove = (name: string): void => rmSync(join(folder, "releases", name), { recursive: true });
  make("1");
  lead("1");
  return { folder, current, make, lead, remove };
}

const app = `
import type { IncomingMessage, ServerResponse } from "node:http";
import life from "./life.ts";
import { release } from "./part.ts";

export default (req: IncomingMessage, res: ServerResponse): void => {
  if (req.url !== "/release") return void life.emit("request", req, res);
  res.end(JSON.stringify({ release, cwd: process.cwd(), url: import.meta.url }));
};
`;

async function placeOf({ url }: LifeServer): Promise<Place> {
  return JSON.parse((await get(url, "/release")).body) as Place;
}

function assertRuns(place: Place, { folder }: Releases, name: string): void {
  const release = join(folder, "releases", name);
  assert.deepEqual(place, { release: name, cwd: release, url: `file://${release}/app.ts` });
}

describe("a reload behind a symbolic link", { concurrency: 2 }, () => {
  const models: readonly (readonly string[])[] = [
    ["-w", "2", "-t", "2"],
    ["-w", "2", "-m", "sync"],
    ["-t", "2", "-m", "threads"],
    // A thread for each request: on a busy machine they wait longer than the default allows.
    ["-t", "2", "-m", "thread-per-request", "--queue-timeout", "30s"],
  ];
  for (const args of models) {
    test(`of --chdir ${args.join(" ")} serves the new release, fails no request, and does without the old`, async (t) => {
      const place = releases(t);
      const server = await serve(t, "app.ts", ["--chdir", "current", ...args], { cwd: place.folder });
      assertRuns(await placeOf(server), place, "1");
      const clients = { keepAlive: 3, newConnections: 3, uploads: 1, slow: 2, streams: 1 };
      const load = startMixedLoad({ url: server.url, ...clients, timeoutMs: 40_000 });
      t.after(async () => void (await load.stop().catch(() => undefined)));
      await load.ready;
      for (const [old, next] of [
        ["1", "2"],
        ["2", "3"],
      ] as const) {
        place.make(next);
        place.lead(next);
        const run = await runHeddle(["reload", "--control", server.control]);
        assert.equal(run.code, 0, run.stderr);
        place.remove(old);
        assertRuns(await placeOf(server), place, next);
      }
      const report = await load.stop();
      assert.equal(report.failed + report.retried, 0, JSON.stringify(report.failures.slice(0, 5)));
      // What is replaced later comes from the release that the generation was booted from.
      const [worker] = workersOf(server.pid);
      process.kill(worker!, "SIGKILL");
      await server.waitForLog(/was killed by SIGKILL/);
      const { workers } = await server.waitForStatus(({ workers: all }) =>
        all.every(({ pid, state }) => pid !== worker && state === "serving"),
      );
      assert.ok(workers.length > 0);
      assertRuns(await placeOf(server), place, "3");
    });
  }

  test("of the app's path serves the new release, although the server was started in the old one", async (t) => {
    const place = releases(t);
    const cwd = join(place.folder, "releases", "1");
    const server = await serve(t, join(place.current, "app.ts"), ["-t", "1"], { cwd });
    place.make("2");
    place.lead("2");
    place.remove("1");
    const run = await runHeddle(["reload", "--control", server.control]);
    assert.equal(run.code, 0, run.stderr);
    assertRuns(await placeOf(server), place, "2");
    assert.match(
      server.stderr(),
      /the working directory \S+\/releases\/1 does not exist any more: workers run in \S+\/releases\/2\./,
    );
  });

  test("of the folder in which a shell started the server serves the new release", async (t) => {
    const place = releases(t);
    const options = { cwd: place.current, env: { PWD: place.current } };
    const server = await serve(t, "app.ts", ["-t", "1"], options);
    assertRuns(await placeOf(server), place, "1");
    place.make("2");
    place.lead("2");
    place.remove("1");
    const run = await runHeddle(["reload", "--control", server.control]);
    assert.equal(run.code, 0, run.stderr);
    assertRuns(await placeOf(server), place, "2");
  });

  test("reads the config file of the new release, and what that imports and reads", async (t) => {
    const place = releases(t);
    const config = (release: string, text: string): void =>
      writeFileSync(
        join(place.folder, "releases", release, "heddle.config.ts"),
        `import { readFileSync } from "node:fs";\nexport default { app: "app.ts", debugHeaders: ${text}, threads: Number(readFileSync("threads", "utf8")) };`,
      );
    config("1", "false");
    writeFileSync(join(place.folder, "releases", "1", "threads"), "1");
    const control = join(place.folder, "control.sock");
    const server = await serve(t, "app.ts", ["--chdir", place.current, "--control", control]);
    assert.equal((await get(server.url)).headers["x-heddle-thread"], undefined);
    place.make("2");
    config("2", "true");
    writeFileSync(join(place.folder, "releases", "2", "threads"), "2");
    place.lead("2");
    assert.equal((await runHeddle(["reload", "--control", control])).code, 0);
    assert.ok((await get(server.url)).headers["x-heddle-thread"]);
    assert.doesNotMatch(server.stderr(), /only a restart/);
  });

  test("that leads nowhere fails, and leaves the old release serving", async (t) => {
    const place = releases(t);
    const server = await serve(t, "app.ts", ["--chdir", place.current, "-t", "1"]);
    place.lead("2");
    const run = await runHeddle(["reload", "--control", server.control]);
    assert.equal(run.code, 1);
    assert.match(
      run.stderr,
      /--chdir: got ".*\/current", which does not exist; expected a folder\n.*Generation 1 keeps serving/,
    );
    assertRuns(await placeOf(server), place, "1");
  });

  test("keeps a generation's replaced workers in the release it was booted from", async (t) => {
    const place = releases(t);
    const server = await serve(t, "app.ts", ["--chdir", place.current, "-t", "1"]);
    place.make("2");
    place.lead("2");
    const [worker] = workersOf(server.pid);
    process.kill(worker!, "SIGKILL");
    await server.waitForStatus(({ workers }) =>
      workers.every(({ pid, state }) => pid !== worker && state === "serving"),
    );
    assertRuns(await placeOf(server), place, "1");
  });

  test("that took heddle itself away says so, and the old workers serve on", async (t) => {
    const place = releases(t);
    const own = join(place.folder, "releases", "1");
    for (const part of ["bin", "src", "package.json"]) cpSync(join(root, part), join(own, part), { recursive: true });
    const control = join(place.folder, "control.sock");
    const child = spawn(
      process.execPath,
      [
        join(own, "bin", "heddle.js"),
        "serve",
        "app.ts",
        "-t",
        "1",
        "-p",
        "0",
        "--control",
        control,
        "--chdir",
        place.current,
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    t.after(() => isAlive(child.pid!) && process.kill(child.pid!, "SIGKILL"));
    const url = await new Promise<string>((resolve, reject) => {
      let text = "";
      const read = (chunk: Buffer): void => {
        text += chunk.toString();
        const found = /^listening on (\S+)$/m.exec(text)?.[1];
        if (found !== undefined) resolve(found);
      };
      child.stdout.on("data", read);
      child.stderr.on("data", read);
      child.once("exit", () => reject(new Error(text)));
    });
    place.make("2");
    place.lead("2");
    place.remove("1");
    const run = await runHeddle(["reload", "--control", control]);
    assert.equal(run.code, 1);
    assert.match(
      run.stderr,
      /no worker can be started: \S+\/releases\/1\/src\/server\/worker\/worker-main\.ts has been removed/,
    );
    assert.equal((await get(url)).status, 200);
  });
});

describe("the working directory", { concurrency: 2 }, () => {
  test("of --chdir is the app's, the config file's and the env file's", async (t) => {
    const place = releases(t);
    writeFileSync(join(place.folder, "releases", "1", ".env"), "GREETING=hello\nHEDDLE_WORKERS=2\n");
    const run = await runHeddle(["check", "app.ts", "--chdir=current", "-E.env"], { cwd: place.folder });
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /^app +\S+\/releases\/1\/app\.ts \(listener\)$/m);
    assert.match(run.stdout, /^setting +--workers 2 +\(HEDDLE_WORKERS in \.env\)$/m);
    assert.match(run.stdout, /^setting +--chdir current +\(--chdir\)$/m);
  });

  test("that does not exist, or is a file, is a wrong setting", async (t) => {
    const folder = tempFolder(t, { "app.ts": "" });
    const run = await runHeddle(["serve", "app.ts", "--chdir", "nowhere"], { cwd: folder });
    assert.deepEqual([run.code, run.stdout], [2, ""]);
    assert.match(run.stderr, /^heddle: --chdir: got ".*\/nowhere", which does not exist; expected a folder\n/);
    assert.match(
      (await runHeddle(["check", "--chdir", "app.ts"], { cwd: folder })).stderr,
      /app\.ts", which is a file;/,
    );
  });

  test("cannot be changed by the config file that is found in it", async (t) => {
    const folder = tempFolder(t, { "app.ts": "", "heddle.config.ts": 'export default { chdir: "x" };' });
    const run = await runHeddle(["check", "app.ts"], { cwd: folder });
    assert.equal(run.code, 2);
    assert.match(run.stderr, /chdir in heddle\.config\.ts is not a setting/);
  });
});
