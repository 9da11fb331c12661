/** What `scale`, `reload` and the signals say of how many workers serve is true, also while workers die and do not boot. */

import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { command } from "../../src/server/control/client.ts";
import { get, hold, type LifeServer, serve, tempFolder, until } from "../server/arbiter/support.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { runHeddle } from "../support/server.ts";

/** It does not load while the file `broken` is there. `/held` answers when its body has come. */
const APP = `
import { existsSync } from "node:fs";
if (existsSync(new URL("broken", import.meta.url))) throw new Error("broken for now");
export default (req, res) => {
  if (req.url === "/held") res.flushHeaders();
  req.on("end", () => res.end(String(process.pid))).resume();
};
`;

/** Boots when there is a file `booting`. The second worker ends when there is a file `ending`. */
const WAITS_FOR_FILES = `
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
const lacks = (name) => existsSync(new URL(import.meta.url)) && !existsSync(new URL(name, import.meta.url));
const wait = async (what, name) => {
  if (!lacks(name)) return;
  console.log(process.pid + " " + what);
  while (lacks(name)) await sleep(20);
};
await wait("boots", "booting");
export const onStop = () => process.env.HEDDLE_WORKER_INDEX === "0" ? undefined : wait("ends", "ending");
export default { fetch: () => new Response("hello") };
`;

const HANGS_FROM_THE_SECOND_ON = `
if (process.env.HEDDLE_WORKER_INDEX !== "0") {
  console.log("the second one boots");
  await new Promise((resolve) => setTimeout(resolve, 600_000));
}
export default (req, res) => {
  res.flushHeaders();
  req.on("end", () => res.end("hello")).resume();
};
`;

/** The second worker boots when there is a file `go`. */
const SECOND_IS_LATE = `
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
while (process.env.HEDDLE_WORKER_INDEX === "1" && !existsSync(new URL("go", import.meta.url))) await sleep(20);
export default { fetch: () => new Response("hello") };
`;

interface Breakable {
  readonly server: LifeServer;
  /** Has no worker boot from now on. */
  readonly damage: () => void;
  readonly repair: () => void;
}

async function breakable(t: TestContext, args: readonly string[]): Promise<Breakable> {
  const folder = tempFolder(t, { "app.mjs": APP });
  const file = join(folder, "broken");
  const server = await serve(t, join(folder, "app.mjs"), ["-t", "1", ...args]);
  return { server, damage: () => writeFileSync(file, ""), repair: () => rmSync(file) };
}

/** Kills the worker. Resolves when its successor has not booted. */
async function lose(server: LifeServer, slot: number, generation: number = 1): Promise<void> {
  const { workers } = await server.status();
  const mark = server.mark();
  process.kill(workers.find((worker) => worker.slot === slot && worker.generation === generation)!.pid, "SIGKILL");
  await server.waitForLog(/the new worker did not boot/, mark);
}

interface Running {
  readonly done: Promise<unknown>;
  readonly told: (line: string) => Promise<void>;
}

function run(server: LifeServer, what: string): Running {
  const lines: string[] = [];
  const done = command(server.control, what, { progress: (line) => void lines.push(line) });
  return { done, told: async (line) => void (await until(() => lines.includes(line), line)) };
}

describe("what is told of workers that serve", { concurrency: 2 }, () => {
  for (const what of ["/scale?to=1", "/scale?to=%2B1", "/reload"]) {
    test(`waits for one that died (${what})`, async (t) => {
      const { server, damage, repair } = await breakable(t, ["-w", "1"]);
      if (what !== "/reload") {
        damage();
        await lose(server, 0);
        if (what.includes("%2B")) {
          // A new one is on trial: it must boot.
          await assert.rejects(run(server, what).done, /broken for now/);
          repair();
          await until(async () => (await server.status()).ready, "the worker to serve");
          damage();
          await lose(server, 0);
          repair();
          assert.deepEqual(await run(server, what).done, { workers: 2, serving: 2, killed: 0 });
          return;
        }
        const scaling = run(server, what);
        await scaling.told("waiting for 1 worker to serve");
        repair();
        assert.deepEqual(await scaling.done, { workers: 1, serving: 1, killed: 0 });
      } else {
        const held = await hold(t, server);
        const reloading = run(server, what);
        await reloading.told("generation 2: serving; draining 1 old worker");
        damage();
        await lose(server, 0, 2);
        await held.finish();
        await reloading.told("waiting for 1 worker to serve");
        repair();
        assert.deepEqual(await reloading.done, { generation: 2, workers: 1, serving: 1, killed: 0 });
      }
      assert.equal((await server.status()).ready, true);
    });
  }

  test("is that too few do, if they do not within the boot timeout, and the exit code says so", async (t) => {
    const { server, damage } = await breakable(t, ["-w", "2", "--boot-timeout", "10s"]);
    damage();
    await lose(server, 0);
    const { code, stdout } = await runHeddle(["scale", "2", "--control", server.control]);
    assert.match(
      stdout,
      /^waiting for . workers? to serve\n[01] of 2 workers served within --boot-timeout; `heddle status`/,
    );
    assert.equal(code, 1);
    server.signal("SIGTTOU");
    await server.waitForLog(/scale: 0 of 1 worker served within --boot-timeout/);
    // The one that is too many stands in.
    assert.equal((await get(server.url)).status, 200);
  });

  test("a worker that is too many serves until one that stays does", async (t) => {
    const { server, damage, repair } = await breakable(t, ["-w", "2"]);
    const second = (await server.status()).workers.find(({ slot }) => slot === 1)!.pid;
    damage();
    await lose(server, 0);
    const scaling = run(server, "/scale?to=1");
    await scaling.told("waiting for 1 worker to serve");
    for (let i = 0; i < 3; i++) assert.equal((await get(server.url)).body, `${second}`);
    repair();
    assert.deepEqual(await scaling.done, { workers: 1, serving: 1, killed: 0 });
    assert.deepEqual(
      (await server.status()).workers.map(({ slot }) => slot),
      [0],
    );
    assert.notEqual((await get(server.url)).body, `${second}`);
  });

  test("a stop ends the waiting", async (t) => {
    const { server, damage } = await breakable(t, ["-w", "1"]);
    damage();
    await lose(server, 0);
    const scaling = run(server, "/scale?to=1");
    const refused = assert.rejects(scaling.done, /the server is stopping|the server ended/);
    await scaling.told("waiting for 1 worker to serve");
    server.signal("SIGTERM");
    await refused;
    assert.equal((await server.exited).code, 0);
  });

  test("a reload helps meanwhile", async (t) => {
    const { server, damage, repair } = await breakable(t, ["-w", "1"]);
    damage();
    await lose(server, 0);
    const scaling = run(server, "/scale?to=1");
    await scaling.told("waiting for 1 worker to serve");
    repair();
    assert.equal((await runHeddle(["reload", "--control", server.control])).code, 0);
    assert.deepEqual(await scaling.done, { workers: 1, serving: 1, killed: 0 });
  });

  test("a worker that is wanted again boots while the one before it ends", async (t) => {
    const folder = tempFolder(t, { "app.mjs": WAITS_FOR_FILES, booting: "" });
    const mark = (name: string): void => writeFileSync(join(folder, name), "");
    const server = await serve(t, join(folder, "app.mjs"), ["-w", "2"]);
    const leaving = (await server.status()).workers.find(({ slot }) => slot === 1)!.pid;
    server.signal("SIGTTOU");
    await server.waitForLog(new RegExp(`${leaving} ends`));
    rmSync(join(folder, "booting"));
    const scaling = run(server, "/scale?to=2");
    await server.waitForLog(/\d+ boots/);
    mark("ending");
    await server.waitForStatus(({ workers }) => workers.every(({ pid }) => pid !== leaving));
    mark("booting");
    assert.deepEqual(await scaling.done, { workers: 2, serving: 2, killed: 0 });
  });

  test("a stop ends the boot of a worker that a signal asked for, and is a clean one", async (t) => {
    const folder = tempFolder(t, { "app.mjs": HANGS_FROM_THE_SECOND_ON });
    const server = await serve(t, join(folder, "app.mjs"), ["-w", "1"]);
    server.signal("SIGTTIN");
    await server.waitForLog(/the second one boots/);
    server.signal("SIGTERM");
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    assert.match(server.stderr() + server.stdout(), /scale: the server is stopping/);
  });

  test("a worker that was replaced during one that fails has its part of --limit back", async (t) => {
    const folder = tempFolder(t, { "app.mjs": HANGS_FROM_THE_SECOND_ON });
    const limited = ["--limit", "2", "--queue", "0", "--boot-timeout", "5m"];
    const server = await serve(t, join(folder, "app.mjs"), ["-w", "1", "-t", "1", ...limited]);
    const refused = assert.rejects(run(server, "/scale?to=2").done, /was killed by SIGKILL/);
    await server.waitForLog(/the second one boots/);
    const [first, second] = (await server.status()).workers;
    process.kill(first!.pid, "SIGKILL");
    await server.waitForStatus(({ workers }) =>
      workers.some(({ slot, pid, state }) => slot === 0 && pid !== first!.pid && state === "serving"),
    );
    process.kill(second!.pid, "SIGKILL");
    await refused;
    const clients = [await RawConnection.open(server.port), await RawConnection.open(server.port)];
    const heads = clients.map((client) => client.request("POST / HTTP/1.1", ["content-length: 1"]).head());
    const statuses = (await Promise.all(heads)).map(({ status }) => status);
    for (const client of clients) client.destroy();
    assert.deepEqual(statuses, [200, 200]);
  });

  test("signals that come while a command runs are one command", async (t) => {
    const folder = tempFolder(t, { "app.mjs": WAITS_FOR_FILES, booting: "" });
    const server = await serve(t, join(folder, "app.mjs"), ["-w", "1"]);
    rmSync(join(folder, "booting"));
    server.signal("SIGTTIN");
    await server.waitForLog(/\d+ boots/);
    for (let i = 0; i < 2; i++) {
      server.signal("SIGTTIN");
      // Two of the same signal that come at once are one.
      await server.status();
    }
    writeFileSync(join(folder, "booting"), "");
    await server.waitForLog(/scale: starting 2 more/);
    await server.waitForLog(/scaled from 1 to 2 workers[^]*scaled from 2 to 4 workers/);
  });

  for (const what of ["/scale?to=3", "/reload"]) {
    test(`one that dies before it serves leaves no socket that nobody reads (${what}, --accept reuseport)`, async (t) => {
      const config = (workers: number): string =>
        `export default { workers: ${workers}, threads: 1, accept: "reuseport", heartbeatTimeout: 0 };`;
      const folder = tempFolder(t, { "app.mjs": SECOND_IS_LATE, "heddle.config.mjs": config(1) });
      const server = await serve(t, join(folder, "app.mjs"), [], { cwd: folder });
      writeFileSync(join(folder, "heddle.config.mjs"), config(3));
      const refused = assert.rejects(run(server, what).done, /was killed by SIGKILL/);
      const isThere = async (place: number, wanted: string): Promise<number | undefined> =>
        (await server.status()).workers.find(({ slot, state }) => slot === place && state === wanted)?.pid;
      const third = await until(() => isThere(2, "ready"), "the third to boot");
      process.kill(third, "SIGSTOP");
      writeFileSync(join(folder, "go"), "");
      await until(() => isThere(1, "serving"), "the second to serve");
      process.kill(third, "SIGKILL");
      await refused;
      for (let i = 0; i < 16; i++) assert.equal((await get(server.url)).status, 200);
    });
  }
});
