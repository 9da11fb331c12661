/**
 * The code of the README and the guide runs. A `ts` block whose first line names a file is an app (or a config file for the
 * block after it) and is served. The commands of `sh` blocks exist, with the flags that are shown.
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { promisify } from "node:util";
import { readOptions } from "../../src/tune/run/options.ts";
import { runHeddle, startServer } from "../support/server.ts";
import { fences, pages, root } from "./documents.ts";

const run = promisify(execFile);
const shown = pages().filter(({ file }) => file === "README.md" || file.startsWith("docs/guide/"));
const snippets = shown.flatMap(fences);

/** A user's project: its packages are this repository's, and `heddle` is this checkout. */
const project = mkdtempSync(join(tmpdir(), "heddle-readme-"));
after(() => rmSync(project, { recursive: true }));
const modules = join(project, "node_modules");
mkdirSync(modules);
for (const name of readdirSync(join(root, "node_modules"))) {
  if (!name.startsWith(".")) symlinkSync(join(root, "node_modules", name), join(modules, name));
}
mkdirSync(join(modules, "heddle"));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  scripts: object;
  exports: Readonly<Record<string, string | { readonly default: string }>>;
};
const subpaths = Object.entries(manifest.exports).flatMap(([path, target]) =>
  typeof target === "string" ? [] : [{ path, source: target.default.replace("./dist", "src").replace(/js$/, "ts") }],
);
for (const [i, { source }] of subpaths.entries()) {
  writeFileSync(join(modules, `heddle/${i}.js`), `export * from ${JSON.stringify(join(root, source))};\n`);
}
writeFileSync(
  join(modules, "heddle/package.json"),
  JSON.stringify({
    name: "heddle",
    type: "module",
    exports: Object.fromEntries(subpaths.map(({ path }, i) => [path, `./${i}.js`])),
  }),
);
writeFileSync(join(project, "package.json"), '{ "type": "module" }');
writeFileSync(join(project, "app.ts"), 'export default { fetch: () => new Response("hello\\n") };\n');
for (const name of [".env", ".env.production"]) writeFileSync(join(project, name), "GREETING=hello\n");

function folder(files: Readonly<Record<string, string>>): string {
  const path = mkdtempSync(join(project, "app-"));
  for (const [name, code] of Object.entries(files)) writeFileSync(join(path, name), code);
  return path;
}

interface Runnable {
  readonly page: string;
  readonly files: Readonly<Record<string, string>>;
}

/** The code blocks that begin with `// app.ts` or `// heddle.config.ts`; a config is run with the app before it. */
const apps = snippets
  .filter(({ language }) => language === "ts")
  .flatMap(({ page, code }, i, all): readonly Runnable[] => {
    const name = /^\/\/ (app|heddle\.config)\.ts\b/.exec(code)?.[1];
    if (name === "app") return [{ page, files: { "app.ts": code } }];
    if (name === undefined) return [];
    const app = all.slice(0, i).findLast((other) => other.page === page && other.code.startsWith("// app.ts"));
    return [{ page, files: { "heddle.config.ts": code, ...(app === undefined ? {} : { "app.ts": app.code }) } }];
  });

describe("the code in README.md and docs/guide", { concurrency: 3 }, () => {
  test("is marked as runnable somewhere", () => assert.ok(apps.length > 0));

  for (const [i, { page, files }] of apps.entries()) {
    test(`${page}: ${Object.keys(files).join(" with ")} (${i + 1}) runs`, async () => {
      const cwd = folder(files);
      if (!("app.ts" in files)) cpSync(join(project, "app.ts"), join(cwd, "app.ts"));
      await using server = await startServer("app.ts", ["--threads", "1"], { cwd });
      const response = await fetch(server.url);
      const body = response.text();
      // It lasts as long as the server.
      const isEventStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
      if (isEventStream) assert.deepEqual(await server.stop(), { code: 0, signal: null });
      await body;
      assert.ok(response.status < 500 || response.status === 504, `GET / answered ${response.status}`);
    });
  }
});

/**
 * Blocks that begin with `// main.ts` are programs, with the last `// tasks.ts` or `// actors.ts` block before them; the
 * `text` block after one is its output.
 */
const programs = snippets.flatMap(({ page, language, code }, i, all) => {
  if (language !== "ts" || !code.startsWith("// main.ts")) return [];
  const before = all.slice(0, i).filter((other) => other.page === page);
  const module = before.flatMap(({ code }) => {
    const name = /^\/\/ (tasks|actors)\.ts\b/.exec(code)?.[1];
    return name === undefined ? [] : [[`${name}.ts`, code] as const];
  });
  const next = all[i + 1];
  const output = next?.page === page && next.language === "text" ? next.code : undefined;
  return [{ page, output, files: { "main.ts": code, ...Object.fromEntries(module.slice(-1)) } }];
});

describe("the programs in docs/guide", { concurrency: 3 }, () => {
  for (const [i, { page, output, files }] of programs.entries()) {
    test(`${page}: program ${i + 1} says what the page shows`, async () => {
      const { stdout } = await run(process.execPath, ["main.ts"], { cwd: folder(files), timeout: 60_000 });
      assert.equal(stdout, output);
    });
  }
});

describe("the commands in README.md and docs/guide", { concurrency: 3 }, () => {
  const lines = snippets
    .filter(({ language }) => language === "sh")
    .flatMap(({ code }) => code.split(/\n|&&/))
    .map((line) => line.replace(/\s*( #|\||>| &$).*$/, "").trim());
  const { scripts } = manifest;

  for (const line of new Set(lines)) {
    const [program, ...args] = line.split(/\s+/).map((word) => word.replaceAll(/["']/g, ""));
    if (program === "npm") {
      test(`\`${line}\` is a script of the package`, () => {
        const name = args[0] === "run" ? args[1]! : args[0]!;
        assert.ok(["ci", "install"].includes(name) || name in scripts, `there is no script ${name}`);
      });
    }
    if (program !== "npx" || args[0] !== "heddle") continue;
    const [, command, ...rest] = args;
    if (command === "serve" || command === "check") {
      test(`\`${line}\` has an app and settings that exist`, async () => {
        // Files that only a real deployment has are not what this is about.
        const settings = rest.filter((word, i) => !word.startsWith("--tls-") && !rest[i - 1]?.startsWith("--tls-"));
        const check = await runHeddle(["check", ...settings], { cwd: settings[0]?.includes("/") ? root : project });
        assert.equal(check.code, 0, check.stderr);
      });
    } else if (command === "tune") {
      // To run it takes minutes.
      test(`\`${line}\` has options that exist`, () => {
        const isExport = rest[0] === "export";
        readOptions(isExport ? rest.slice(1) : rest, { isExport });
      });
    } else {
      test(`\`${line}\` is a command`, async () => {
        const run = await runHeddle([command!, ...rest], { env: { XDG_RUNTIME_DIR: project } });
        // 1: there is no server to talk to. 2 would be a wrong command line.
        assert.notEqual(run.code, 2, run.stderr);
      });
    }
  }
});
