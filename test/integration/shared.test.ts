/** `heddle/shared` in whole servers: one store for all instances of a server, whatever happens to them. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ask, command } from "../../src/server/control/client.ts";
import type { ServerStatus } from "../../src/server/control/status.ts";
import { runHeddle } from "../support/server.ts";
import { type LifeServer, serve, tempFolder, until } from "../server/arbiter/support.ts";

const app = fixture("app.ts");

function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/shared/${name}`, import.meta.url));
}

interface Told {
  readonly value?: unknown;
  readonly code?: string;
  readonly message?: string;
  readonly pid: number;
}

async function tell({ url }: { readonly url: string }, op: string, args: readonly unknown[] = []): Promise<Told> {
  const query = new URLSearchParams({ op, args: JSON.stringify(args) });
  return (await (await fetch(`${url}/?${query.toString()}`)).json()) as Told;
}

async function value(server: LifeServer, key: string): Promise<unknown> {
  return (await tell(server, "get", [key])).value;
}

function reload({ control }: LifeServer): Promise<unknown> {
  return command(control, "/reload", { progress: () => {} });
}

const shapes: readonly { readonly name: string; readonly flags: readonly string[]; readonly copies: number }[] = [
  { name: "two main threads", flags: ["--workers", "2"], copies: 2 },
  { name: "2 × 2 threads", flags: ["--workers", "2", "--threads", "2"], copies: 4 },
  { name: "sync", flags: ["--model", "sync", "--workers", "2"], copies: 2 },
  // Its hooks run on its serving thread.
  { name: "threads", flags: ["--model", "threads", "--workers", "2", "--threads", "2"], copies: 2 },
  { name: "thread-per-request", flags: ["--model", "thread-per-request", "--threads", "1:2"], copies: 1 },
];

for (const { name, flags, copies } of shapes) {
  describe(`${name}:`, () => {
    test("increments from all instances add up, and data survive a reload", async (t) => {
      const server = await serve(t, app, flags);
      const clients = name === "thread-per-request" ? 10 : 40;
      const told = await Promise.all(Array.from({ length: clients }, () => tell(server, "many", ["n", 50])));
      for (const each of told) assert.equal(each.value, 50, String(each.message));
      assert.equal(await value(server, "n"), clients * 50);
      const updates = await Promise.all(Array.from({ length: 20 }, () => tell(server, "update", ["updated", 2])));
      assert.deepEqual(
        updates.map((each) => each.value as number).toSorted((a, b) => a - b),
        Array.from({ length: 20 }, (_, i) => 2 * i + 2),
      );
      const made = await Promise.all(Array.from({ length: 20 }, () => tell(server, "getOrSet", ["made once"])));
      assert.equal(new Set(made.map((each) => (each.value as { by: number }).by)).size, 1);
      assert.equal(await value(server, "made"), 1);
      const started = (await value(server, "started")) as number;
      assert.ok(started >= copies);
      await reload(server);
      assert.equal(await value(server, "n"), clients * 50);
      assert.ok(((await value(server, "started")) as number) >= started + copies);
      // At its end the old generation has counted in onStop, in its SIGTERM listener, and in its `exit` listener.
      for (const key of ["stopped", "terminated", "exited"])
        await until(async () => (((await value(server, key)) as number | undefined) ?? 0) >= copies, key);
    });
  });
}

describe("a worker that is killed", () => {
  test("loses nothing that was counted, and what it was making is made by another", async (t) => {
    const server = await serve(t, app, ["--workers", "2"]);
    await tell(server, "many", ["n", 100]);
    const dying = tell(server, "makeAndDie", ["key"]).catch(() => undefined);
    // The dying worker may have accepted one of these.
    await until(
      () =>
        value(server, "making").then(
          (making) => making === 1,
          () => false,
        ),
      "the value to be made",
    );
    const made = await until(() => tell(server, "getOrSet", ["key"]).catch(() => undefined), "another to make it");
    await dying;
    assert.equal((made.value as { by: number }).by > 0, true, String(made.message));
    assert.equal(await value(server, "n"), 100);
    await server.waitForLog(/was killed by SIGKILL/);
    await server.waitForStatus(({ workers }) => workers.filter(({ state }) => state === "serving").length === 2);
    assert.equal(await value(server, "n"), 100);
  });
});

describe("the arbiter", () => {
  test("shows the store in its status, as JSON and as text", async (t) => {
    const server = await serve(t, app, ["--workers", "2", "--shared-memory", "10KiB"]);
    await Promise.all(Array.from({ length: 60 }, (_, i) => tell(server, "increment", [`${i}`])));
    const { shared } = await server.status();
    assert.ok(shared!.bytes <= 10 * 1024 && shared!.entries < 40 && shared!.evictedCounters > 20);
    await server.waitForLog(/evicted counters before their time \(\d+ so far\)/);
    const { stdout } = await runHeddle(["status", "--control", server.control]);
    assert.match(stdout, /^shared: \d+ entries, .* evicted \(\d+ of them counters\)$/m);
  });

  test("answers others, and does not grow, while an instance floods it", async (t) => {
    const server = await serve(t, app, ["--workers", "2"]);
    await tell(server, "setLarge", ["large", 500_000]);
    const { rssBytes } = await arbiterOf(server);
    const floods = Array.from({ length: 4 }, () => tell(server, "flood", ["large", 300]));
    for (let i = 0; i < 20; i++) await tell(server, "increment", ["n"]);
    assert.ok(((await ask(server.control, "/status")) as ServerStatus).ready);
    for (const flood of await Promise.all(floods)) assert.equal(flood.value, 300, String(flood.message));
    assert.equal(await value(server, "n"), 20);
    // All at once, the answers would be 600 MB.
    assert.ok((await arbiterOf(server)).rssBytes < rssBytes + 200 * 2 ** 20);
  });

  test("has no store with --shared-memory 0, and says so to an app that uses it", async (t) => {
    const server = await serve(t, fixture("children.ts"), ["--workers", "1", "--shared-memory", "0"]);
    assert.equal((await server.status()).shared, undefined);
    assert.equal((await fetch(server.url)).status, 500);
    await server.waitForLog(/SHARED_UNAVAILABLE|--shared-memory 0/);
  });

  test("serves without a store if it can't open one", async (t) => {
    const env = { XDG_RUNTIME_DIR: join(tempFolder(t, { file: "" }), "file") };
    const server = await serve(t, fixture("children.ts"), ["--workers", "1"], { env });
    await server.waitForLog(/heddle\/shared does not work: cannot open .*ENOTDIR/);
    assert.equal((await fetch(server.url)).status, 500);
    await server.waitForLog(/the shared store cannot be reached/);
  });

  test("says that the path of its socket is too long", async (t) => {
    const env = { XDG_RUNTIME_DIR: join(tempFolder(t), "x".repeat(100)) };
    const server = await serve(t, fixture("children.ts"), ["--workers", "1"], { env });
    await server.waitForLog(/the path has \d+ bytes, and that of a Unix socket at most 107/);
  });

  test("removes its socket when it stops, and what a killed one has left", async (t) => {
    const env = { XDG_RUNTIME_DIR: tempFolder(t) };
    const sockets = (): string[] =>
      readdirSync(join(env.XDG_RUNTIME_DIR, "heddle")).filter((name) => name.endsWith(".shared"));
    const killed = await serve(t, app, ["--workers", "1"], { env });
    const [left] = sockets();
    killed.signal("SIGKILL");
    await killed.exited;
    assert.deepEqual(sockets(), [left]);
    const server = await serve(t, app, ["--workers", "1"], { env });
    assert.equal(sockets().length, 1);
    assert.ok(!sockets().includes(left!));
    await server.stop();
    assert.deepEqual(sockets(), []);
    assert.ok(existsSync(env.XDG_RUNTIME_DIR));
  });
});

describe("two servers", () => {
  test("have nothing in common", async (t) => {
    const [a, b] = await Promise.all([serve(t, app, ["--workers", "1"]), serve(t, app, ["--workers", "1"])]);
    await tell(a, "set", ["key", "of a"]);
    assert.equal(await value(b, "key"), undefined);
    await tell(b, "set", ["key", "of b"]);
    assert.equal(await value(a, "key"), "of a");
  });
});

describe("blocking style", () => {
  for (const flags of [
    ["--model", "sync", "--workers", "2"],
    ["--model", "threads", "--workers", "1", "--threads", "2"],
  ])
    test(`counts with awaitSync under ${flags[1]}`, async (t) => {
      const server = await serve(t, fixture("blocking.ts"), flags);
      const told = await Promise.all(Array.from({ length: 20 }, async () => (await fetch(server.url)).text()));
      assert.deepEqual(
        told.map(Number).toSorted((a, b) => a - b),
        Array.from({ length: 20 }, (_, i) => i + 1),
      );
    });
});

describe("other processes", () => {
  test("that an instance starts share its store, and end though they are connected", async (t) => {
    const server = await serve(t, fixture("children.ts"), ["--workers", "2"]);
    assert.equal(await (await fetch(server.url)).text(), "1\n");
    assert.equal(await (await fetch(server.url)).text(), "2\n");
  });

  test("without a server have a store of their own, heddle check too", async () => {
    const run = promisify(execFile);
    const { HEDDLE_SHARED: _, ...env } = process.env;
    for (let i = 0; i < 2; i++) {
      const { stdout } = await run(process.execPath, [fixture("program.ts")], { env });
      assert.equal(stdout, "1\n");
    }
    const { code, stdout, stderr } = await runHeddle(["check", fixture("checked.ts")], {
      env: { HEDDLE_SHARED: "/nowhere" },
    });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^counted 1$/m);
  });
});

async function arbiterOf(server: LifeServer): Promise<{ readonly rssBytes: number }> {
  const { rssBytes, workers } = await server.status();
  return { rssBytes: rssBytes - workers.reduce((sum, worker) => sum + worker.rssBytes, 0) };
}
