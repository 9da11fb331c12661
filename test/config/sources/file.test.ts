import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { loadConfigFile } from "../../../src/config/config.ts";
import { HeddleError, type ErrorCode } from "../../../src/errors/errors.ts";

function directory(t: TestContext, files: Readonly<Record<string, string>>): string {
  const path = mkdtempSync(join(tmpdir(), "heddle-config-"));
  t.after(() => rmSync(path, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

async function refused(code: ErrorCode, message: RegExp, loading: Promise<unknown>): Promise<void> {
  await assert.rejects(loading, (error) => {
    assert.ok(error instanceof HeddleError);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
}

test("a TypeScript config file in the working directory is found and run", async (t) => {
  const cwd = directory(t, { "heddle.config.ts": "const n: number = 2; export default { workers: n };" });
  assert.deepEqual(await loadConfigFile(cwd), { path: join(cwd, "heddle.config.ts"), settings: { workers: 2 } });
});

test("a directory without a config file is no error", async (t) => {
  assert.equal(await loadConfigFile(directory(t, {})), undefined);
});

test("a file may be named instead", async (t) => {
  const cwd = directory(t, { "other.mjs": "export default { queue: 1 };", "heddle.config.js": "throw new Error()" });
  assert.deepEqual((await loadConfigFile(cwd, "other.mjs"))?.settings, { queue: 1 });
});

test("each load runs the file anew, so that a reload sees what changed", async (t) => {
  const cwd = directory(t, { "heddle.config.ts": "export default { workers: 1 };" });
  await loadConfigFile(cwd);
  writeFileSync(join(cwd, "heddle.config.ts"), "export default { workers: 2 };");
  assert.deepEqual((await loadConfigFile(cwd))?.settings, { workers: 2 });
});

test("so does each load of a file that is CommonJS, or was compiled to it", async (t) => {
  const compiled = 'Object.defineProperty(exports, "__esModule", { value: true }); exports.default =';
  for (const [name, begin] of [
    ["heddle.config.js", "module.exports ="],
    ["heddle.config.js", compiled],
    ["heddle.config.cjs", "module.exports ="],
    ["heddle.config.cts", "const n: number = 1; module.exports ="],
  ] as const) {
    const cwd = directory(t, { "package.json": "{}", [name]: `${begin} { workers: 1 };` });
    assert.deepEqual((await loadConfigFile(cwd))?.settings, { workers: 1 });
    writeFileSync(join(cwd, name), `${begin} { workers: 2 };`);
    assert.deepEqual((await loadConfigFile(cwd))?.settings, { workers: 2 });
  }
});

test("a named file that does not exist is refused", async (t) => {
  await refused(
    "CONFIG_FILE_FAILED",
    /^--config: got ".*nope\.ts", which does not exist/,
    loadConfigFile(directory(t, {}), "nope.ts"),
  );
});

test("two config files are refused rather than one of them ignored", async (t) => {
  const cwd = directory(t, { "heddle.config.ts": "", "heddle.config.js": "" });
  await refused(
    "CONFIG_CONFLICT",
    /^got heddle\.config\.ts and heddle\.config\.js in .*; expected one/,
    loadConfigFile(cwd),
  );
});

test("a file that throws is refused with what it threw", async (t) => {
  const cwd = directory(t, { "heddle.config.mjs": "throw new Error('no database');" });
  await refused("CONFIG_FILE_FAILED", /^heddle\.config\.mjs could not be loaded: no database$/, loadConfigFile(cwd));
});

test("a file whose default export is not an object is refused", async (t) => {
  const none = directory(t, { "heddle.config.mjs": "export const workers = 2;" });
  await refused(
    "CONFIG_FILE_FAILED",
    /got no default export; expected export default defineConfig/,
    loadConfigFile(none),
  );
  const made = directory(t, { "heddle.config.mjs": "export default () => ({});" });
  await refused("CONFIG_FILE_FAILED", /got a function as its default export/, loadConfigFile(made));
});

for (const [how, text] of [
  ["directly", "process.exit(1); export default {};"],
  ["after an await", "await null; process.exit(1); export default {};"],
  [
    "in what it does not await",
    "setImmediate(() => { try { process.exit(1); } catch {} }); await new Promise(() => {});",
  ],
  ["and catches what comes of it", "try { process.exit(1) } catch {}; export default {};"],
] as const) {
  test(`a file that ends the process (${how}) is refused, and the process goes on`, async (t) => {
    const cwd = directory(t, { "heddle.config.mjs": text });
    await refused(
      "CONFIG_FILE_FAILED",
      /^heddle\.config\.mjs could not be loaded: it calls process\.exit\(1\); expected it to throw/,
      loadConfigFile(cwd),
    );
  });
}

test("a file that is never done is refused, so that a reload ends", async (t) => {
  const cwd = directory(t, { "heddle.config.mjs": "await new Promise(() => {}); export default {};" });
  await refused("CONFIG_FILE_FAILED", /it still awaits something after 20 ms$/, loadConfigFile(cwd, undefined, 20));
});
