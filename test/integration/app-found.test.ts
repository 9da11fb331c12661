/** `heddle serve` and `heddle check` without an app: what they find, and how it runs. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { get, tempFolder, until } from "../server/arbiter/support.ts";
import { runHeddle, startServer, type TestServer } from "../support/server.ts";

const answers = (what: string): string =>
  `export default (req, res) => res.end([${what}, process.env.A, globalThis.preloaded, process.argv.slice(2)].join());`;

const files: Readonly<Record<string, string>> = {
  "package.json": manifest("npm run build && A=script node --import ./preload.mjs dist/server.mjs --shop north"),
  "preload.mjs": "globalThis.preloaded = 'preloaded';",
  "dist/server.mjs": answers("'first'"),
  "other.mjs": answers("'second'"),
};

function manifest(start: string): string {
  return JSON.stringify({ scripts: { start, build: "false" } });
}

async function serveFound(
  t: TestContext,
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<TestServer> {
  const server = await startServer(undefined, ["--control", "off", "--log-format", "json", ...args], { cwd, env });
  t.after(async () => void (await server.stop()));
  return server;
}

for (const [shape, args] of Object.entries({
  "two workers": ["-w", "2"],
  "two threads": ["-t", "2"],
  "handler threads": ["-m", "threads", "-t", "2"],
  sync: ["-m", "sync"],
})) {
  test(`what npm start would run is served on ${shape}, with its flags, variables and arguments`, async (t) => {
    const server = await serveFound(t, tempFolder(t, files), args);
    assert.equal((await get(server.url)).body, "first,script,preloaded,--shop,north");
    const told =
      /app: dist\/server\.mjs \(scripts\.start in package\.json: .*; with --import \.\/preload\.mjs A; without npm run build\)/;
    await server.waitForLog(told);
    assert.equal(server.stderr().match(/app: dist/g)?.length, 1);
  });
}

test("a reload finds the app again", async (t) => {
  const folder = tempFolder(t, files);
  const server = await serveFound(t, folder, ["-w", "1"]);
  writeFileSync(join(folder, "package.json"), manifest("node other.mjs"));
  server.signal("SIGHUP");
  await server.waitForLog(/generation 2: serving/);
  await server.waitForLog(/app: other\.mjs/);
  // The old generation may take a connection that waits in its socket.
  await until(async () => (await get(server.url)).body === "second,,,", "the other app");
});

test("--watch sees a change of the start script", async (t) => {
  const folder = tempFolder(t, files);
  const server = await serveFound(t, folder, ["-w", "1", "--watch"]);
  writeFileSync(join(folder, "package.json"), manifest("node other.mjs"));
  await server.waitForLog(/generation 2: serving/);
  // The old generation may take a connection that waits in its socket.
  await until(async () => (await get(server.url)).body === "second,,,", "the other app");
});

test("a variable of the environment wins over one of the start script, and so does one of an env file", async (t) => {
  const folder = tempFolder(t, { ...files, ".env": "A=file" });
  const fromEnvironment = await serveFound(t, folder, ["-w", "1"], { A: "environment" });
  assert.match((await get(fromEnvironment.url)).body, /^first,environment,/);
  const fromFile = await serveFound(t, folder, ["-w", "1", "--env-file", ".env"]);
  assert.match((await get(fromFile.url)).body, /^first,file,/);
});

test("check says what it found and why, and PORT in the start script is a setting", async (t) => {
  const cwd = tempFolder(t, { ...files, "package.json": manifest("PORT=4567 node other.mjs") });
  const { code, stdout, stderr } = await runHeddle(["check"], { cwd });
  assert.equal(stderr, "");
  assert.match(
    stdout,
    /^app .*other\.mjs \(listener\)\nfound +scripts\.start in package\.json: "PORT=4567 node other\.mjs"; with PORT\nlisten +127\.0\.0\.1:4567\n/,
  );
  assert.match(stdout, /^setting +--port 4567 +\(PORT in the start script\)$/m);
  assert.equal(code, 0);
});

test("an app that the config file or the command line names is not looked for", async (t) => {
  const cwd = tempFolder(t, { ...files, "heddle.config.mjs": 'export default { app: "other.mjs" };' });
  assert.match((await runHeddle(["check"], { cwd })).stdout, /^app .*other\.mjs \(listener\)\nlisten/);
  assert.match(
    (await runHeddle(["check", "dist/server.mjs"], { cwd })).stdout,
    /^app .*server\.mjs \(listener\)\nlisten/,
  );
});

test("an app that is not built, or cannot be told, is one error", async (t) => {
  const unbuilt = tempFolder(t, { "package.json": manifest("node dist/x.js") });
  for (const command of ["serve", "check"]) {
    const { code, stdout, stderr } = await runHeddle([command], { cwd: unbuilt });
    assert.equal(
      stderr,
      "heddle: got no app, and scripts.start in package.json runs dist/x.js, which does not exist.\n" +
        "Build the app first: `npm run build`. Or name the app: heddle serve app.ts\n",
    );
    assert.deepEqual([code, stdout], [1, ""]);
  }
  const { code, stderr } = await runHeddle(["serve"], { cwd: tempFolder(t, { "server.ts": "", "server.js": "" }) });
  assert.match(
    stderr,
    /^heddle: got no app, and heddle cannot tell which it is: several files may be it: server\.ts, server\.js\n/,
  );
  assert.equal(code, 2);
});
