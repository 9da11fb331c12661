import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { get, type LifeServer, lifeApp, serve } from "../server/arbiter/support.ts";

describe("a blocked event loop", { concurrency: 2 }, () => {
  test("is reported once per place: function, file and line, route, duration", async (t) => {
    const server = await serve(t, lifeApp, ["-t", "1", "--blocked-threshold", "50ms"]);
    for (let i = 0; i < 3; i++) await get(server.url, "/spin?ms=300");
    await get(server.url, "/spin-later?ms=300");
    await server.waitForLog(/spinAfterAwait/);
    const [spin, later, ...more] = reports(server);
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
