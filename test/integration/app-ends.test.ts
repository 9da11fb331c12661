/** What an app has registered for the end of its process runs when its copy ends, after its last response. */

import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { get, type LifeServer, serve, tempFolder } from "../server/arbiter/support.ts";

const app = new URL("../fixtures/ends/app.ts", import.meta.url).pathname;

const SHAPES: Readonly<Record<string, readonly string[]>> = {
  "a worker's main thread": ["-t", "1"],
  "two workers' main threads": ["-t", "1", "-w", "2"],
  "two serving threads": ["-t", "2"],
  "a sync worker": ["-m", "sync"],
  "handler threads": ["-m", "threads", "-t", "2"],
};

/** What was printed by each copy of the app, in order. */
function told(server: LifeServer): Map<string, string[]> {
  const lines = [...server.stdout().matchAll(/^(\d+\/\d+) (.+)$/gm)];
  const byCopy = Map.groupBy(lines, ([, copy]) => copy!);
  return new Map([...byCopy].map(([copy, matches]) => [copy, matches.map(([, , what]) => what!)]));
}

for (const [shape, flags] of Object.entries(SHAPES)) {
  describe(`at the end of an app on ${shape}`, { concurrency: 3 }, () => {
    for (const [atEnd, exits] of [
      ["flushes", ["flushed", "exits 0"]],
      ["lets go", ["flushed", "exits 0"]],
      ["waits for beforeExit", ["flushed", "exits 0"]],
      ["", ["exits 0"]],
    ] as const) {
      test(`its listeners run after its last response (${atEnd || "only for exit"})`, async (t) => {
        const server = await serve(t, app, flags, { env: { AT_END: atEnd } });
        const slow = get(server.url, "/slow");
        await server.waitForLog(/has come/);
        const { code } = await server.stop();
        assert.equal(code, 0);
        const { body: serving } = await slow;
        const copies = told(server);
        assert.ok(copies.size > 0);
        for (const lines of copies.values())
          assert.deepEqual(
            lines.filter((line) => line !== "answers"),
            exits,
          );
        // Under the models of handler threads these answer, and their number is theirs.
        assert.deepEqual(copies.get(serving), ["answers", ...exits]);
        assert.doesNotMatch(server.stderr(), /"level":[456]0/);
      });
    }

    for (const listens of [undefined, "yes"]) {
      test(`one that closes the ${listens === undefined ? "exported" : "listening"} server can`, async (t) => {
        const env = { AT_END: "closes", ...(listens && { LISTENS: listens }) };
        const server = await serve(t, app, flags, { env });
        await get(server.url);
        await server.stop();
        const copies = told(server);
        assert.ok(copies.size > 0);
        for (const lines of copies.values()) assert.deepEqual(lines, ["flushed", "exits 0"]);
      });
    }

    test("they get the exit code that the app has set", async (t) => {
      const server = await serve(t, app, flags);
      const { body } = await get(server.url, "/exit-code");
      const { code } = await server.stop();
      assert.equal(code, 0, "the server's is its own");
      for (const [copy, lines] of told(server)) assert.deepEqual(lines, [copy === body ? "exits 42" : "exits 0"]);
    });

    test("a listener for SIGINT runs if there is none for SIGTERM", async (t) => {
      const server = await serve(t, app, flags, { env: { AT_END: "flushes", END_SIGNAL: "SIGINT" } });
      await server.stop();
      for (const lines of told(server).values()) assert.deepEqual(lines, ["flushed", "exits 0"]);
    });

    test("they get the signal's name and number, as under node", async (t) => {
      const server = await serve(t, app, flags, { env: { AT_END: "exits by number" } });
      const { code } = await server.stop();
      assert.equal(code, 0);
      assert.ok(told(server).size > 0);
      for (const lines of told(server).values()) assert.deepEqual(lines, ["SIGTERM", "exits 143"]);
    });

    test("a reload ends the old copies so, and no new one", async (t) => {
      const server = await serve(t, app, flags, { env: { AT_END: "flushes" } });
      const before = await get(server.url);
      server.signal("SIGHUP");
      await server.waitForLog(/generation 2: serving/);
      await server.waitForStatus(({ workers }) => workers.every(({ generation }) => generation === 2));
      const copies = told(server);
      assert.deepEqual(copies.get(before.body), ["flushed", "exits 0"]);
      const { body: after } = await get(server.url);
      assert.equal(copies.get(after), undefined);
    });

    test("one that ends its process by the same signal ends its own copy", async (t) => {
      const server = await serve(t, app, flags, { env: { AT_END: "resends" } });
      const { code } = await server.stop();
      assert.equal(code, 0);
      for (const lines of told(server).values()) assert.equal(lines[0], "flushed");
      assert.doesNotMatch(server.stderr(), /"level":[456]0/);
    });

    test("one for exit that throws is told, and ends nothing else than its own copy", async (t) => {
      const server = await serve(t, app, flags, { env: { AT_EXIT: "throws" } });
      const before = await server.waitForStatus(({ ready }) => ready);
      await get(server.url, "/exit").catch(() => {});
      await server.waitForLog(/Error: thrown at exit/);
      const { restarts } = await server.waitForStatus(
        ({ ready, restarts: { workers, threads } }) => ready && workers + threads > 0,
      );
      assert.equal(restarts.workers + restarts.threads - before.restarts.workers - before.restarts.threads, 1);
      assert.match((await get(server.url)).body, /^\d+\/\d+$/);
      const mark = server.mark();
      const { code } = await server.stop();
      assert.equal(code, 0);
      assert.match(server.output(mark), /Error: thrown at exit/);
      assert.doesNotMatch(server.stderr(), /is killed/);
    });

    for (const atEnd of ["throws", "rejects"])
      test(`one that ${atEnd} ends its copy with 1, as under node`, async (t) => {
        const server = await serve(t, app, flags, { env: { AT_END: atEnd } });
        const { code } = await server.stop();
        assert.equal(code, 0);
        assert.ok(told(server).size > 0);
        for (const lines of told(server).values()) assert.deepEqual(lines, ["exits 1"]);
        assert.match(server.stderr(), /thrown at the end.*an error that nothing caught has ended this copy of the app/);
        assert.doesNotMatch(server.stderr(), /is killed/);
      });

    test("one that never ends is ended at the graceful timeout", async (t) => {
      const server = await serve(t, app, [...flags, "--graceful-timeout", "6s"], { env: { AT_END: "hangs" } });
      const { code } = await server.stop();
      assert.equal(code, 1);
      assert.ok(told(server).size > 0);
      for (const lines of told(server).values()) assert.deepEqual(lines, ["hangs"]);
      assert.match(
        server.stderr(),
        /is killed: the app's .*SIGTERM (?:or exit )?listeners, or connections to its other servers, did not end within --graceful-timeout/,
      );
    });
  });
}

test("a signal to a worker is not the app's, whose requests go on", async (t) => {
  const server = await serve(t, app, ["-t", "1"], { env: { AT_END: "flushes", END_SIGNAL: "SIGINT" } });
  const { workers } = await server.status();
  const slow = get(server.url, "/slow");
  await server.waitForLog(/has come/);
  for (const signal of ["SIGINT", "SIGHUP"] as const) process.kill(workers[0]!.pid, signal);
  assert.match((await slow).body, new RegExp(`^${workers[0]!.pid}/`));
  assert.deepEqual((await server.status()).workers[0]!.pid, workers[0]!.pid);
  const again = get(server.url, "/slow");
  process.kill(workers[0]!.pid, "SIGTERM");
  assert.equal((await again).status, 200);
  await server.waitForStatus(({ workers: now }) => now.length === 1 && now[0]!.pid !== workers[0]!.pid);
  assert.deepEqual(told(server).get(`${workers[0]!.pid}/0`)?.slice(-2), ["flushed", "exits 0"]);
});

test("a signal to a worker is not the app's either if that has removed all listeners of it", async (t) => {
  const folder = tempFolder(t, {
    "app.mjs": `
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.removeAllListeners(signal);
  process.on(signal, () => {
    console.log("got " + signal);
    process.exit();
  });
}
let slow;
export default (req, res) => {
  if (req.url === "/slow") {
    slow = res;
    console.log("has come");
  } else {
    slow.end("answered");
    res.end();
  }
};`,
  });
  const server = await serve(t, join(folder, "app.mjs"), ["-w", "1", "-t", "1"]);
  const { workers } = await server.status();
  const slow = get(server.url, "/slow");
  await server.waitForLog(/has come/);
  for (const signal of ["SIGINT", "SIGINT"] as const) process.kill(workers[0]!.pid, signal);
  await get(server.url, "/answer");
  assert.equal((await slow).body, "answered");
  assert.doesNotMatch(server.stdout(), /got/);
  // They are called when the copy ends.
  await server.stop();
  assert.match(server.stdout(), /got SIGTERM/);
});

test("a SIGTERM to a worker that is not ready yet is no fault of its app", async (t) => {
  const folder = tempFolder(t, {
    "app.mjs": `import { existsSync } from "node:fs";
console.log("loading in " + process.pid);
while (existsSync("wait")) await new Promise((resolve) => setTimeout(resolve, 20));
export default (req, res) => res.end("ok");`,
  });
  const server = await serve(t, join(folder, "app.mjs"), ["-w", "1", "-t", "1"], { cwd: folder });
  const [old] = (await server.status()).workers;
  writeFileSync(join(folder, "wait"), "");
  const mark = server.mark();
  process.kill(old!.pid, "SIGKILL");
  const [, pid] = await server.waitForLog(/loading in (\d+)/, mark);
  process.kill(Number(pid), "SIGTERM");
  await server.waitForLog(/got a SIGTERM before it was ready, and has ended/);
  rmSync(join(folder, "wait"));
  await server.waitForStatus(({ ready }) => ready);
  assert.doesNotMatch(server.stderr(), /the app ended/);
});
