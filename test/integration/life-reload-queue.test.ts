import assert from "node:assert/strict";
import { existsSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { ask, command } from "../../src/server/control/client.ts";
import { messageOf } from "../../src/errors/errors.ts";
import { get, type LifeServer, serve, tempFolder, until, workersOf } from "../server/arbiter/support.ts";

describe("reloads asked for while one runs", { concurrency: 2 }, () => {
  test("by forty SIGHUPs and by commands are one more, which loads the code as it is after the last", async (t) => {
    const { server, folder } = await gated(t, []);
    const first = reload(server);
    await boots(folder);
    const commands: Promise<string>[] = [];
    for (let i = 0; i < 40; i++) {
      server.signal("SIGHUP");
      // Each of them is its own: signals that wait are one to the kernel.
      await ask(server.control, "/livez");
      if (i % 10 === 0) commands.push(reload(server));
    }
    // Until all have been heard.
    for (let i = 0; i < 3; i++) await server.status();
    writeFileSync(join(folder, "app.ts"), gatedApp("after the last"));
    server.signal("SIGHUP");
    commands.push(reload(server));
    await server.status();
    writeFileSync(join(folder, "go-on"), "");
    assert.equal(await first, "generation 2");
    for (const outcome of await Promise.all(commands)) assert.equal(outcome, "generation 3");
    assert.equal((await get(server.url)).body, "after the last");
    assert.equal(await settled(server), 3);
    const lines = server.stderr().match(/reload \(SIGHUP\): generation 3: serving/g);
    assert.equal(lines?.length, 1, "told once");
  });

  test("are told why, all of them, when it fails", async (t) => {
    const { server, folder } = await gated(t, []);
    const first = reload(server);
    await boots(folder);
    const asked = [reload(server), reload(server), reload(server)];
    await server.status();
    writeFileSync(join(folder, "app.ts"), 'throw new Error("no database");\n');
    writeFileSync(join(folder, "go-on"), "");
    assert.equal(await first, "generation 2");
    for (const outcome of await Promise.all(asked))
      assert.match(outcome, /generation 3 did not get ready: .*no database/);
    assert.equal((await get(server.url)).body, "first");
    assert.equal(server.stderr().match(/did not get ready/g)?.length, 1, "logged once");
  });

  test("are ended by a stop", async (t) => {
    const { server, folder } = await gated(t, []);
    const all = [reload(server)];
    await boots(folder);
    all.push(reload(server), reload(server));
    await server.status();
    server.signal("SIGTERM");
    const [first, ...others] = await Promise.all(all);
    assert.match(first!, /generation 2 was given up: the server is stopping/);
    for (const other of others) assert.match(other, /the server is stopping/);
    assert.deepEqual(await server.exited, { code: 0, signal: null });
  });

  test("by changes that --watch sees are one", async (t) => {
    const { server, folder } = await gated(t, ["--watch"]);
    writeFileSync(join(folder, "app.ts"), gatedApp("second"));
    await boots(folder);
    for (const text of ["third", "fourth", "fifth"]) {
      writeFileSync(join(folder, "app.ts"), gatedApp(text));
      await server.status();
    }
    writeFileSync(join(folder, "go-on"), "");
    await server.waitForLog(/generation 3: serving/);
    await answers(server, "fifth");
    assert.equal(await settled(server), 3);
    writeFileSync(join(folder, "app.ts"), gatedApp("sixth"));
    await answers(server, "sixth");
    assert.equal(await settled(server), 4);
  });

  test("leave each SIGTTIN and SIGTTOU what it is: one worker more or less, all in one command", async (t) => {
    const { server, folder } = await gated(t, []);
    const reloading = reload(server);
    await boots(folder);
    for (const signal of ["SIGTTIN", "SIGTTIN", "SIGTTIN", "SIGTTOU"] as const) {
      server.signal(signal);
      await ask(server.control, "/livez");
      await server.status();
    }
    writeFileSync(join(folder, "go-on"), "");
    await reloading;
    await server.waitForLog(/scaled from 1 to 3 workers/);
  });
});

test("SIGHUPs that come before the first generation serves are one reload", async (t) => {
  const folder = tempFolder(t, { "app.ts": gatedApp("first") });
  const starting = serve(t, join(folder, "app.ts"), ["-t", "1"], { cwd: folder });
  const arbiter = await until(
    () => workersOf(process.pid).find((pid) => workersOf(pid).length > 0),
    "the boot to begin",
  );
  await boots(folder);
  writeFileSync(join(folder, "app.ts"), gatedApp("second"));
  for (let i = 0; i < 10; i++) process.kill(arbiter, "SIGHUP");
  writeFileSync(join(folder, "go-on"), "");
  const server = await starting;
  await server.waitForLog(/generation 2: serving/);
  await answers(server, "second");
  assert.equal(await settled(server), 2);
});

/** An app that says `text` and boots only while `go-on` is there. */
function gatedApp(text: string): string {
  return `import { existsSync, writeFileSync } from "node:fs";
if (!existsSync("go-on")) writeFileSync("waits", "");
while (!existsSync("go-on")) await new Promise((resolve) => setTimeout(resolve, 10));
export default (_: unknown, res: { end(text: string): void }): void => res.end(${JSON.stringify(text)});
`;
}

/** A server whose next generation waits for `go-on`. */
async function gated(t: TestContext, args: readonly string[]): Promise<{ server: LifeServer; folder: string }> {
  const folder = tempFolder(t, { "app.ts": gatedApp("first"), "go-on": "" });
  const server = await serve(t, join(folder, "app.ts"), ["-t", "1", ...args], { cwd: folder });
  unlinkSync(join(folder, "go-on"));
  return { server, folder };
}

/** The code of the next generation has been read, and waits. */
function boots(folder: string): Promise<unknown> {
  return until(() => existsSync(join(folder, "waits")), "the next generation to boot");
}

/** The old worker may take a connection more before it hears that it is to leave. */
function answers({ url }: LifeServer, text: string): Promise<unknown> {
  return until(async () => (await get(url)).body === text, `the answer ${text}`);
}

/** What `heddle reload` does: which generation serves, or why none does. */
async function reload({ control }: LifeServer): Promise<string> {
  try {
    const { generation } = (await command(control, "/reload", { progress: () => {} })) as { generation: number };
    return `generation ${generation}`;
  } catch (error) {
    return messageOf(error);
  }
}

/** The generation that serves when whatever was asked for before has had its turn: commands come one after another. */
async function settled(server: LifeServer): Promise<number> {
  await command(server.control, "/scale?to=2", { progress: () => {} });
  return (await server.status()).generation;
}
