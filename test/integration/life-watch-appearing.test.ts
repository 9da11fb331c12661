import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { get, type LifeServer, serve, tempFolder, until } from "../server/arbiter/support.ts";

const says = (text: string): string =>
  `export default (_: unknown, r: { end(t: string): void }): void => r.end(${JSON.stringify(text)});\n`;

/** What a module that is missing is asked for by, and where it then appears. */
const MISSING: readonly (readonly [what: string, source: string, files: Readonly<Record<string, string>>])[] = [
  ["a file beside it", 'import { text } from "./new.ts";', { "new.ts": 'export const text = "mended";' }],
  [
    "a file in folders that are not there",
    'import { text } from "./some/where/new.ts";',
    { "some/where/new.ts": 'export const text = "mended";' },
  ],
  [
    "a file above, imported by a module that is",
    'import { text } from "./lib/middle.ts";',
    { "elsewhere/new.ts": 'export const text = "mended";' },
  ],
  [
    "a file without an ending, as require finds it",
    'import { createRequire } from "node:module"; const { text } = createRequire(import.meta.url)("./some/new");',
    { "some/new/index.js": 'module.exports = { text: "mended" };' },
  ],
  [
    "a package",
    'import { text } from "some-package";',
    {
      "node_modules/some-package/index.js": 'export const text = "mended";',
      "node_modules/some-package/package.json": '{"name":"some-package","type":"module","exports":"./index.js"}',
    },
  ],
  [
    "what a package needs",
    'import half from "half"; const { text } = half;',
    {
      "node_modules/@other/half/index.js": 'module.exports = { text: "mended" };',
      "node_modules/@other/half/package.json": '{"name":"@other/half"}',
    },
  ],
];

describe("--watch mends an app that lacks", { concurrency: 2 }, () => {
  for (const [what, source, files] of MISSING) {
    test(`${what}, when that appears`, async (t) => {
      const folder = tempFolder(t);
      write(folder, { "app.ts": says("whole"), "lib/middle.ts": 'export { text } from "../elsewhere/new.ts";' });
      write(folder, { "node_modules/half/index.js": 'module.exports = require("@other/half");' });
      const server = await serve(t, join(folder, "app.ts"), ["-t", "1", "--watch"]);
      const mark = server.mark();
      write(folder, { "app.ts": `${source}\n${says("").replace('""', "text")}` });
      await server.waitForLog(/did not get ready/, mark);
      assert.equal((await get(server.url)).body, "whole");
      write(folder, files);
      await answers(server, "mended");
    });
  }

  test("a file that it can do without, when that appears", async (t) => {
    const folder = tempFolder(t);
    const optional = 'const { text } = await import("./local/settings.ts").catch(() => ({ text: "without" }));\n';
    write(folder, { "app.ts": `${optional}${says("").replace('""', "text")}` });
    const server = await serve(t, join(folder, "app.ts"), ["-t", "1", "--watch"]);
    assert.equal((await get(server.url)).body, "without");
    write(folder, { "local/settings.ts": 'export const text = "with";' });
    await answers(server, "with");
  });
});

describe("--watch sees", { concurrency: 2 }, () => {
  test("a checkout that is replaced by another one, again and again", async (t) => {
    const folder = tempFolder(t);
    write(folder, checkout("repo", "one"));
    const server = await serve(t, join(folder, "repo/src/app.ts"), ["-t", "1", "--watch"], { cwd: folder });
    assert.equal((await get(server.url)).body, "one");
    for (const text of ["two", "three"]) {
      write(folder, checkout("next", text));
      renameSync(join(folder, "repo"), join(folder, `before-${text}`));
      renameSync(join(folder, "next"), join(folder, "repo"));
      await answers(server, text);
    }
    write(folder, { "repo/src/text.ts": 'export const text = "four";' });
    await answers(server, "four");
  });

  test("a release that `current` is pointed to, and what changes in it", async (t) => {
    const folder = tempFolder(t);
    for (const number of ["1", "2", "3"]) write(folder, checkout(`releases/${number}`, `release ${number}`));
    point(folder, "releases/1");
    const server = await serve(t, join(folder, "current/src/app.ts"), ["-t", "1", "--watch"], { cwd: folder });
    assert.equal((await get(server.url)).body, "release 1");
    for (const number of ["2", "3"]) {
      point(folder, `releases/${number}`);
      await answers(server, `release ${number}`);
    }
    write(folder, { "releases/3/src/text.ts": 'export const text = "hot fix";' });
    await answers(server, "hot fix");
  });

  test("a module behind a symbolic link, when the link is pointed elsewhere", async (t) => {
    const folder = tempFolder(t);
    write(folder, checkout("repo", "one"));
    write(folder, { "two.ts": 'export const text = "two";' });
    rmSync(join(folder, "repo/src/text.ts"));
    write(folder, { "one.ts": 'export const text = "one";' });
    symlinkSync("../../one.ts", join(folder, "repo/src/text.ts"));
    const server = await serve(t, join(folder, "repo/src/app.ts"), ["-t", "1", "--watch"], { cwd: folder });
    assert.equal((await get(server.url)).body, "one");
    symlinkSync("../../two.ts", join(folder, "repo/src/text.new"));
    renameSync(join(folder, "repo/src/text.new"), join(folder, "repo/src/text.ts"));
    await answers(server, "two");
  });

  test("a folder that is deleted and built again", async (t) => {
    const folder = tempFolder(t);
    write(folder, checkout("dist", "one"));
    const server = await serve(t, join(folder, "dist/src/app.ts"), ["-t", "1", "--watch"], { cwd: folder });
    const mark = server.mark();
    rmSync(join(folder, "dist"), { recursive: true });
    await server.waitForLog(/did not get ready/, mark);
    assert.equal((await get(server.url)).body, "one");
    write(folder, checkout("dist", "two"));
    await answers(server, "two");
  });

  test("modules that only a reload by SIGHUP has brought", async (t) => {
    const folder = tempFolder(t);
    write(folder, { "app.ts": says("one") });
    const server = await serve(t, join(folder, "app.ts"), ["-t", "1", "--watch"], { cwd: folder });
    write(folder, checkout("more", "two"));
    write(folder, { "app.ts": 'export { default } from "./more/src/app.ts";' });
    server.signal("SIGHUP");
    await answers(server, "two");
    write(folder, { "more/src/text.ts": 'export const text = "three";' });
    await answers(server, "three");
  });
});

function checkout(name: string, text: string): Record<string, string> {
  return {
    [`${name}/src/app.ts`]: `import { text } from "./text.ts";\n${says("").replace('""', "text")}`,
    [`${name}/src/text.ts`]: `export const text = ${JSON.stringify(text)};`,
  };
}

function point(folder: string, release: string): void {
  symlinkSync(release, join(folder, "current.new"));
  renameSync(join(folder, "current.new"), join(folder, "current"));
}

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

function answers(server: LifeServer, text: string): Promise<unknown> {
  return until(async () => (await get(server.url)).body === text, `the answer ${text}`);
}
