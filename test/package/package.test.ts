/** The published package: packed, installed into an empty project, and used there. */

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { SUPPORTED } from "../../src/platform/node-internals/index.ts";

const run = promisify(execFile);
const root = new URL("../../", import.meta.url).pathname;
// As a user has it: without the cache that the tests share, heddle makes its own.
const { NODE_COMPILE_CACHE: _, ...inherited } = process.env;
const env = { ...inherited, npm_config_loglevel: "error", npm_config_audit: "false", npm_config_fund: "false" };

/** Of heddle and its dependencies, installed. */
const MAX_INSTALLED_BYTES = 10_000_000;

/** What heddle's side of a thread and the app's side of it have to know of each other. */
const APP_WITH_TASKS = `
import { actor, call, genServer, spawn } from "heddle/actors";
import { shared } from "heddle/shared";
import { awaitSync, task } from "heddle/tasks";
export const double = task(import.meta.url, "double", async (n: number) => n * 2);
export const doubler = actor(import.meta.url, "doubler", genServer({
  init: () => 0,
  handleCall: (n: number) => ({ reply: n * 2 }),
}));
function blocking(): unknown {
  try {
    return awaitSync(double, 3);
  } catch (error) {
    return (error as { code: string }).code;
  }
}
export default {
  async fetch(): Promise<Response> {
    const pid = await spawn(doubler, [], { on: "any" });
    const { value } = await shared.increment("n");
    return Response.json({ task: await double(1), actor: await call(pid, 2), blocking: blocking(), shared: value });
  },
};
`;

let project: string;

before(async () => {
  project = await mkdtemp(join(tmpdir(), "heddle-package-"));
  const { stdout } = await run("npm", ["pack", "--silent", "--pack-destination", project], { cwd: root, env });
  await writeFile(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
  await run("npm", ["install", "--prefer-offline", join(project, stdout.trim())], { cwd: project, env });
});

after(() => rm(project, { recursive: true, force: true }));

async function served(app: string, flags: readonly string[], use: (url: string) => Promise<void>): Promise<void> {
  const control = join(project, "control.sock");
  const args = [join("node_modules", ".bin", "heddle"), "serve", app, "--port", "0", "--control", control, ...flags];
  const server = spawn(process.execPath, args, { cwd: project, stdio: ["ignore", "pipe", "inherit"] });
  try {
    const lines = createInterface({ input: server.stdout });
    let url: string | undefined;
    for await (const line of lines) {
      url = /^listening on (\S+)$/.exec(line)?.[1];
      if (url !== undefined) break;
    }
    await use(url!);
  } finally {
    const exited = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGTERM");
    assert.equal(await exited, 0);
  }
}

test("an empty project that installs the package serves an app with npx heddle serve", async () => {
  await writeFile(join(project, "app.ts"), "export default { fetch: () => new Response('from a package') };\n");
  await served("app.ts", [], async (url) => {
    assert.equal(await (await fetch(url)).text(), "from a package");
    const { stdout } = await run("npx", ["heddle", "status", "--json", "--control", join(project, "control.sock")], {
      cwd: project,
      env,
    });
    assert.equal((JSON.parse(stdout) as { ready: boolean }).ready, true);
  });
});

for (const model of ["loop", "sync", "threads", "thread-per-request"]) {
  test(`an app uses the package's tasks, actors and shared state, and the model ${model} says whether it may block`, async () => {
    await writeFile(join(project, "app-with-tasks.ts"), APP_WITH_TASKS);
    await served("app-with-tasks.ts", ["--model", model, "--workers", "1"], async (url) => {
      const refused = "AWAIT_SYNC_REFUSED";
      const expected = { task: 2, actor: 4, blocking: model === "loop" ? refused : 6 };
      for (const shared of [1, 2]) assert.deepEqual(await (await fetch(url)).json(), { ...expected, shared });
    });
  });
}

test("a worker of the package loads no part of Node that costs memory and that its app does not use", async () => {
  await writeFile(
    join(project, "modules.ts"),
    'import type { IncomingMessage, ServerResponse } from "node:http";\n' +
      "export default (_: IncomingMessage, res: ServerResponse) => res.end(process.moduleLoadList.join());\n",
  );
  await served("modules.ts", [], async (url) => {
    const loaded = (await (await fetch(url)).text()).split(",");
    assert.ok(loaded.includes("NativeModule http"));
    const costly = [
      "crypto",
      "internal/fs/promises",
      "internal/readline/interface",
      "internal/util/parse_args/parse_args",
    ];
    for (const module of costly) assert.ok(!loaded.includes(`NativeModule ${module}`), module);
  });
});

test("the package's JavaScript has no character that makes V8 keep it in two bytes for each", async () => {
  const folder = join(project, "node_modules", "heddle");
  for (const file of await readdir(folder, { recursive: true })) {
    if (!file.endsWith(".js")) continue;
    const [wide] = /[^\0-\xff]/.exec(await readFile(join(folder, file), "utf8")) ?? [];
    assert.equal(wide, undefined, file);
  }
});

test("the package and its dependencies take less than 10 MB installed", async () => {
  assert.ok((await sizeOf(join(project, "node_modules"))) < MAX_INSTALLED_BYTES);
});

test("the package holds compiled JavaScript with types and no sources or tests", async () => {
  const files = await readdir(join(project, "node_modules", "heddle"), { recursive: true });
  assert.ok(files.includes("dist/index.js") && files.includes("dist/index.d.ts"));
  assert.deepEqual(
    files.filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts")),
    [],
  );
});

test("a config file typed with the package's defineConfig passes the type checker and refuses a wrong setting", async () => {
  await writeFile(
    join(project, "good.ts"),
    'import { defineConfig } from "heddle";\nexport default defineConfig({ port: 0, timeout: "5s" });\n',
  );
  await writeFile(
    join(project, "bad.ts"),
    'import { defineConfig } from "heddle";\nexport default defineConfig({ prot: 0 });\n',
  );
  await typeCheck("good.ts");
  await assert.rejects(typeCheck("bad.ts"), ({ stdout }: { stdout: string }) => stdout.includes("prot"));
});

function typeCheck(file: string): Promise<unknown> {
  return run(
    join(root, "node_modules", ".bin", "tsc"),
    [
      "--ignoreConfig",
      "--noEmit",
      "--strict",
      "--module",
      "nodenext",
      "--target",
      "esnext",
      "--types",
      "node",
      "--typeRoots",
      join(root, "node_modules/@types"),
      file,
    ],
    { cwd: project },
  );
}

test("a plain program uses the package's tasks, typed, without the server", async () => {
  await writeFile(
    join(project, "tasks.ts"),
    'import { awaitSync, task, type Task } from "heddle/tasks";\n' +
      'const double: Task<[number], number> = task(import.meta.url, "double", async (n: number) => n * 2);\n' +
      "if (import.meta.main) {\n" +
      "  const there: number = awaitSync(double, 21);\n" +
      "  console.log(await double(21), there);\n" +
      "}\n",
  );
  const { stdout } = await run(process.execPath, ["tasks.ts"], { cwd: project });
  assert.equal(stdout, "42 42\n");
  await typeCheck("tasks.ts");
  await writeFile(
    join(project, "mistyped.ts"),
    'import { task } from "heddle/tasks";\nvoid task(import.meta.url, "double", (n: number) => n * 2)("21");\n',
  );
  await assert.rejects(typeCheck("mistyped.ts"), ({ stdout }: { stdout: string }) => stdout.includes("TS2345"));
});

test("a plain program uses the package's actors, typed, on another thread, and ends by itself", async () => {
  await writeFile(
    join(project, "actors.ts"),
    'import { actor, call, genServer, spawn, type Actor, type ServerPid } from "heddle/actors";\n' +
      'export const doubler: Actor<[], ServerPid<[number, number]>> = actor(import.meta.url, "doubler", genServer({\n' +
      "  init: () => 0,\n" +
      "  handleCall: (n: number) => ({ reply: n * 2 }),\n" +
      "}));\n" +
      "if (import.meta.main) {\n" +
      '  const pid = await spawn(doubler, [], { on: "any" });\n' +
      "  const doubled: number = await call(pid, 21);\n" +
      "  console.log(doubled, pid.thread !== 0);\n" +
      "}\n",
  );
  const { stdout } = await run(process.execPath, ["actors.ts"], { cwd: project });
  assert.equal(stdout, "42 true\n");
  await typeCheck("actors.ts");
});

test("the package's exports and files agree, as publint sees them", async () => {
  await run(join(root, "node_modules", ".bin", "publint"), ["--strict", join(project, "node_modules", "heddle")], {
    cwd: root,
  });
});

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}

test("the manifest asks for the Node that heddle needs", async () => {
  const manifest = JSON.parse(await readFile(join(project, "node_modules", "heddle", "package.json"), "utf8")) as {
    engines: { node: string };
  };
  assert.equal(manifest.engines.node, SUPPORTED);
});
