import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { fixture, get, type LifeServer, lifeApp, serve, tempFolder, until } from "../server/arbiter/support.ts";

describe("a blocked event loop", { concurrency: 2 }, () => {
  test("is reported once per place: function, file and line, route, duration", async (t) => {
    const server = await serve(t, lifeApp, ["-t", "1", "--blocked-threshold", "50ms"]);
    for (let i = 0; i < 3; i++) await get(server.url, "/spin?ms=300");
    await get(server.url, "/spin-later?ms=300");
    await server.waitForLog(/spinAfterAwait/);
    // On a busy machine other functions may look as if they blocked the loop.
    const ours = reports(server).filter((report) => report.function.startsWith("spin"));
    const [spin, later, ...more] = ours;
    assert.deepEqual(more, [], "a place is told once");
    assert.equal(spin!.function, "spinFor");
    assert.match(spin!.location, /test\/fixtures\/life\/app\.ts:\d+:\d+$/);
    assert.match(lineAt(spin!.location), /performance\.now\(\) < until/);
    assert.match(
      spin!.msg,
      /^event loop blocked for \d+ ms in spinFor .* while serving GET \/spin\?ms=300 \(route \*\)/,
    );
    assert.equal(later!.function, "spinAfterAwait");
    assert.match(later!.msg, /while serving GET \/spin-later\?ms=300/);
    assert.ok(spin!.blockedMs >= 200, String(spin!.blockedMs));
  });

  test("is not what a merely busy one is", async (t) => {
    const server = await serve(t, lifeApp, ["-t", "1", "--blocked-threshold", "500ms"]);
    await Promise.all([get(server.url, "/busy"), get(server.url, "/busy")]);
    // A report would be on its way by now: this one is there after it.
    await get(server.url, "/spin?ms=1500");
    await server.waitForLog(/event loop blocked/);
    const told = reports(server);
    assert.equal(told.length, 1);
    assert.match(told[0]!.msg, /GET \/spin\?ms=1500/);
  });
});

describe("a native call that does not return", { concurrency: 2 }, () => {
  const start = (t: TestContext, args: readonly string[]): Promise<LifeServer> => {
    const pipe = join(tempFolder(t), "pipe");
    execFileSync("mkfifo", [pipe]);
    const limits = ["--timeout", "1s", "--graceful-timeout", "1s", "--queue-timeout", "5s"];
    return serve(t, fixture("never-returns.ts"), [...limits, ...args], { env: { PIPE: pipe } });
  };

  for (const model of ["threads", "thread-per-request", "tasks"]) {
    test(`has its worker replaced, once its pool can't have the threads that it should (${model})`, async (t) => {
      const server = await start(t, ["-m", model, "-t", "1"]);
      assert.equal((await get(server.url, "/native")).status, 504);
      await server.waitForLog(/is recycled \(native calls that do not return hold 1 of 1 thread of the pool/);
      await until(async () => (await get(server.url)).status === 200, "the pool of another worker");
    });
  }

  test("leaves its pool the other threads, and its worker goes on, while these are enough", async (t) => {
    const server = await start(t, ["-m", "threads", "-t", "1:2"]);
    const [before] = (await server.status()).workers;
    assert.equal((await get(server.url, "/native")).status, 504);
    await server.waitForLog(/handler thread \d+ of threads is in a native call that cannot be ended/);
    await until(async () => (await get(server.url)).status === 200, "the other thread");
    assert.equal((await server.status()).workers[0]!.pid, before!.pid);
    assert.doesNotMatch(server.output(0), /is recycled/);
  });

  test("does not keep its client waiting: its worker is replaced", async (t) => {
    const server = await start(t, ["-t", "2"]);
    await assert.rejects(get(server.url, "/native"), /socket hang up|ECONNRESET/);
    await server.waitForLog(/is recycled \(serving thread \d is in a native call that does not return\)/);
    assert.equal((await get(server.url)).body, "ok");
  });
});

interface Report {
  readonly msg: string;
  readonly function: string;
  readonly location: string;
  readonly blockedMs: number;
}

function reports(server: LifeServer): Report[] {
  return server
    .stderr()
    .split("\n")
    .filter((line) => line.includes("event loop blocked"))
    .map((line) => JSON.parse(line) as Report);
}

function lineAt(location: string): string {
  const [, file, line] = /^(.*):(\d+):\d+$/.exec(location)!;
  return readFileSync(file!, "utf8").split("\n")[Number(line) - 1]!;
}
