import assert from "node:assert/strict";
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { loadConfigFile } from "../../../src/config/config.ts";
import { writeConfig, type WriteOutcome } from "../../../src/tune/write/write-config.ts";
import { tempFolder } from "../../server/arbiter/support.ts";

const fields = { model: "threads", workers: 1, threads: 8 };

interface Written {
  readonly outcome: WriteOutcome;
  readonly folder: string;
  /** Of the config file, if there is one. */
  readonly text: string | undefined;
  readonly diffs: readonly string[];
  readonly asked: readonly string[];
}

async function write(t: TestContext, files: Readonly<Record<string, string>>, agrees = false): Promise<Written> {
  const folder = tempFolder(t, files);
  const [name] = Object.keys(files).filter((each) => each.startsWith("heddle.config"));
  const diffs: string[] = [];
  const asked: string[] = [];
  const outcome = await writeConfig({
    cwd: folder,
    ...(name === undefined ? {} : { configFile: join(folder, name) }),
    fields,
    show: (_file, diff) => void diffs.push(diff),
    agree: async (conflicts) => {
      asked.push(...conflicts.map(({ name }) => name));
      return agrees;
    },
  });
  const left = readdirSync(folder).filter(
    (each) => !Object.keys(files).some((file) => file.startsWith(each)) && each !== "heddle.config.ts",
  );
  assert.deepEqual(left, [], "nothing else is left behind");
  const file = readdirSync(folder).find((each) => each.startsWith("heddle.config"));
  return {
    outcome,
    folder,
    diffs,
    asked,
    text: file === undefined ? undefined : readFileSync(join(folder, file), "utf8"),
  };
}

/** heddle, installed in the folder. */
const INSTALLED = {
  "node_modules/heddle/package.json": '{ "name": "heddle", "type": "module", "exports": "./index.js" }',
  "node_modules/heddle/index.js": "export const defineConfig = (config) => config;\n",
};

test("without a config file one is written, and shown", async (t) => {
  const { outcome, text, diffs, asked } = await write(t, INSTALLED);
  assert.equal(outcome.kind, "written");
  assert.match(text!, /defineConfig\(\{\n {2}model: "threads",/);
  assert.match(diffs[0]!, /^\+ import \{ defineConfig \} from "heddle";/);
  assert.deepEqual(asked, []);
});

test("where heddle is not installed, the new file does not import it: each later command would end there", async (t) => {
  const { outcome, folder, text, diffs } = await write(t, {});
  assert.equal(outcome.kind, "written");
  assert.equal(text, 'export default {\n  model: "threads",\n  workers: 1,\n  threads: 8,\n};\n');
  assert.match(diffs[0]!, /^\+ export default \{/);
  assert.deepEqual((await loadConfigFile(folder))?.settings, fields);
});

test("fields that are missing are added without a question", async (t) => {
  const { outcome, text, diffs, asked } = await write(t, {
    "heddle.config.mjs": 'export default {\n  app: "app.ts",\n};\n',
  });
  assert.equal(outcome.kind, "written");
  assert.equal(text, 'export default {\n  app: "app.ts",\n  model: "threads",\n  workers: 1,\n  threads: 8,\n};\n');
  assert.equal(diffs.length, 1);
  assert.deepEqual(asked, []);
});

test("a value of the user's is replaced only if the user agrees", async (t) => {
  const files = { "heddle.config.mjs": "export default { workers: 4 };\n" };
  const declined = await write(t, files);
  assert.equal(declined.outcome.kind, "declined");
  assert.equal(declined.text, files["heddle.config.mjs"]);
  assert.deepEqual(declined.asked, ["workers"]);
  assert.match(
    declined.diffs[0]!,
    /^- export default \{ workers: 4 \};\n\+ export default \{ workers: 1, model: "threads"/,
  );
  const agreed = await write(t, files, true);
  assert.equal(agreed.outcome.kind, "written");
  assert.equal(agreed.text, 'export default { workers: 1, model: "threads", threads: 8 };\n');
});

test("a file that has all of it is left as it is", async (t) => {
  const text = 'export default { model: "threads", workers: 1, threads: 8 };\n';
  const { outcome, diffs } = await write(t, { "heddle.config.mjs": text });
  assert.equal(outcome.kind, "unchanged");
  assert.deepEqual(diffs, []);
});

test("a file of another form is left alone, and what to put into it is said", async (t) => {
  const text = "const config = { workers: 2 };\nexport default config;\n";
  const { outcome, text: after } = await write(t, { "heddle.config.mjs": text });
  assert.ok(outcome.kind === "by-hand");
  assert.equal(outcome.fields, '  model: "threads",\n  workers: 1,\n  threads: 8,');
  assert.equal(after, text);
});

test("a file whose new text would not give the values is left alone", async (t) => {
  const text = 'export default { app: "app.ts" }.constructor === Object ? { app: "b.ts" } : {};\n';
  const { outcome, text: after } = await write(t, { "heddle.config.mjs": text }, true);
  assert.equal(outcome.kind, "by-hand");
  assert.equal(after, text);
});

test("a symbolic link stays one, and its file is changed, with what it imports", async (t) => {
  const folder = tempFolder(t, {
    "shared/base.mjs": "export const app = 'app.ts';\n",
    "shared/heddle.config.mjs": 'import { app } from "./base.mjs";\nexport default {\n  app,\n};\n',
    "project/app.ts": "",
  });
  const link = join(folder, "project/heddle.config.mjs");
  symlinkSync("../shared/heddle.config.mjs", link);
  const asked = { show: () => {}, agree: () => Promise.resolve(false) };
  const outcome = await writeConfig({ cwd: join(folder, "project"), configFile: link, fields, ...asked });
  assert.equal(outcome.kind, "written");
  assert.ok(lstatSync(link).isSymbolicLink());
  assert.match(readFileSync(join(folder, "shared/heddle.config.mjs"), "utf8"), /app,\n {2}model: "threads",/);
  assert.deepEqual(readdirSync(join(folder, "shared")).sort(), ["base.mjs", "heddle.config.mjs"]);
  assert.deepEqual(readdirSync(join(folder, "project")).sort(), ["app.ts", "heddle.config.mjs"]);
});

test("a file keeps its permissions, also those that the umask takes from new files", async (t) => {
  const folder = tempFolder(t, { "heddle.config.mjs": "export default {};\n" });
  const file = join(folder, "heddle.config.mjs");
  chmodSync(file, 0o664);
  const before = process.umask(0o027);
  t.after(() => process.umask(before));
  await writeConfig({ cwd: folder, configFile: file, fields, show: () => {}, agree: () => Promise.resolve(false) });
  assert.equal(statSync(file).mode & 0o777, 0o664);
});

test("a file that can't be written is told with its name, and nothing is left behind", async (t) => {
  const folder = tempFolder(t, {});
  const cwd = join(folder, "gone");
  const asked = { show: () => {}, agree: () => Promise.resolve(false) };
  await assert.rejects(writeConfig({ cwd, fields, ...asked }), {
    code: "TUNE_NOT_WRITTEN",
    message: /^--write: .*gone\/heddle\.config\.ts can't be written: ENOENT.* It is as it was\.$/,
  });
  mkdirSync(cwd);
  assert.deepEqual(readdirSync(cwd), []);
});
