/**
 * The whole output of a server whose app is broken: one error, with the user's own file and line, and nothing besides. No second
 * copy from another worker or thread, no warning of Node that says the same, no frame of heddle.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { get, tempFolder } from "../server/arbiter/support.ts";
import { runHeddle, startServer } from "../support/server.ts";

const SHAPES: Readonly<Record<string, readonly string[]>> = {
  "two workers": ["-w", "2"],
  "two threads": ["-t", "2"],
  "handler threads": ["-m", "threads", "-t", "2"],
};

/** `output`: all of standard error. `everywhere`: what differs by where the app runs. */
interface Broken {
  readonly files: Readonly<Record<string, string>>;
  readonly output: string | RegExp;
  readonly everywhere?: true;
}

const LISTEN = "import 'node:http';\n";

const apps: Readonly<Record<string, Broken>> = {
  "imports a package that is not installed": {
    files: { "app.ts": "\nimport x from 'not-installed/sub';\nexport default x;\n" },
    output:
      /^heddle: app\.ts:2: importing the app failed\. Error: Cannot find package 'not-installed'[^\n]*\nIs not-installed installed\? Try `npm install not-installed`\.\n$/,
  },
  "requires a package that is not installed": {
    files: { "app.cjs": "\nmodule.exports = require('@not/installed/sub');\n" },
    output:
      "heddle: app.cjs:2: importing the app failed. Error: Cannot find module '@not/installed/sub'\n" +
      "Is @not/installed/sub installed? Try `npm install @not/installed`.\n",
  },
  "imports a folder": {
    files: { "app.ts": "import x from './lib';\nexport default x;\n", "lib/index.ts": "" },
    output:
      /^heddle: app\.ts:1: [^\n]*Directory import[^\n]*\nAn import must name the file in the folder, as in \.\/lib\/index\.ts\.\n$/,
  },
  "imports JSON without saying so": {
    files: { "app.ts": "\nimport x from './d.json';\nexport default x;\n", "d.json": "{}" },
    output:
      /^heddle: app\.ts: [^\n]*needs an import attribute[^\n]*\nWrite `import … from "….json" with \{ type: "json" \}`\.\n$/,
  },
  "requires a broken native add-on": {
    files: { "app.cjs": "module.exports = require('./x.node');\n", "x.node": "no library" },
    output:
      /^heddle: app\.cjs:1: [^\n]*x\.node[^\n]*\nA native add-on is built for one system[^\n]*`npm rebuild`[^\n]*\n$/,
  },
  "is an ES module in a CommonJS package, of which Node warns as well": {
    files: { "package.json": '{"type":"commonjs"}', "app.js": "import http from 'node:http';\nexport default http;\n" },
    output:
      "heddle: app.js:1: importing the app failed. SyntaxError: Cannot use import statement outside a module\n" +
      '`import` and `export` need an ES module: write "type": "module" in package.json, or name the file .mjs.\n',
    everywhere: true,
  },
  "throws in a function of another file": {
    files: {
      "app.ts": "import { f } from './lib.ts';\nf();\n",
      "lib.ts": "\nexport function f() {\n  throw new Error('down');\n}\n",
    },
    output:
      /^heddle: lib\.ts:3: importing the app failed\. Error: down\n {4}at f \(file:[^\n]*lib\.ts:3:9\)\n {4}at file:[^\n]*app\.ts:2:1\n$/,
  },
  "throws at its top": {
    files: { "app.ts": "throw new Error('down');\n" },
    output: "heddle: app.ts:1: importing the app failed. Error: down\n",
    everywhere: true,
  },
  "throws what is no error": {
    files: { "app.ts": "throw 'down';\n" },
    output: "heddle: app.ts: importing the app failed. It threw 'down'.\n",
  },
  "never stops calling itself": {
    files: { "app.ts": "function f() { f(); }\nf();\n" },
    output: /^heddle: app\.ts:1: importing the app failed\. RangeError: [^\n]*\n {4}at f \([^\n]*\)\n$/,
  },
  "leaves a rejection": {
    files: { "app.ts": "\nPromise.reject(new Error('lost'));\nexport default () => {};\n" },
    output: "heddle: app.ts:2: an error that nothing caught ended the app while it was loading. Error: lost\n",
    everywhere: true,
  },
  "throws in a callback": {
    files: { "app.ts": "\nsetImmediate(() => { throw new Error('late'); });\nawait new Promise(() => {});\n" },
    output: "heddle: app.ts:2: an error that nothing caught ended the app while it was loading. Error: late\n",
    everywhere: true,
  },
  "ends its process": {
    files: {
      "app.ts": "import { stop } from './lib.ts';\nstop();\n",
      "lib.ts": "export const stop = () =>\n  process.exit(0);\n",
    },
    output:
      "heddle: lib.ts:2: the app called process.exit(0) while it was loading.\nWhat it has printed before may say why.\n",
    everywhere: true,
  },
  "exports a promise of nothing usable": {
    files: { "app.ts": "export default Promise.resolve(42);\n" },
    output:
      /^heddle: app\.ts exports nothing that answers requests and did not listen\. It exports default \(a promise of a number\)\.\nExport as default [^\n]*\n$/,
  },
  "exports a class": {
    files: { "app.ts": "export default class Shop { fetch() {} }\n" },
    output:
      /^heddle: app\.ts exports nothing [^\n]*\(a class Shop\)\.\nA class is not an app: write `export default new Shop\(\)`\. [^\n]*\n$/,
  },
  "exports the app under a name": {
    files: { "app.cjs": "exports.app = (req, res) => res.end();\n" },
    output:
      /^heddle: app\.cjs exports nothing [^\n]* It exports app \(a function[^\n]*\)\.\n`app` would do: write `module\.exports = app`\. [^\n]*\n$/,
  },
  "is empty": {
    files: { "app.js": "" },
    output:
      /^heddle: app\.js exports nothing that answers requests and did not listen\. It exports nothing\.\n[^\n]*\n$/,
  },
  "never listens": {
    files: { "app.ts": `${LISTEN}export const x = 1;\n` },
    output:
      /^heddle: app\.ts exports nothing that answers requests and did not listen\. It exports x \(a number\)\.\n[^\n]*\n$/,
    everywhere: true,
  },
};

describe("the output of a server whose app", { concurrency: 2 }, () => {
  for (const [what, { files, output, everywhere }] of Object.entries(apps)) {
    for (const [shape, flags] of Object.entries(SHAPES).slice(0, everywhere === undefined ? 1 : undefined)) {
      test(`${what} is one error, on ${shape}`, async (t) => {
        const cwd = tempFolder(t, files);
        const app = Object.keys(files).find((file) => file.startsWith("app."))!;
        const patience = what === "never listens" ? ["--boot-timeout", "10s"] : [];
        const run = await runHeddle(["serve", app, "-p", "0", "--control", "off", ...flags, ...patience], { cwd });
        if (typeof output === "string") assert.equal(run.stderr, output);
        else assert.match(run.stderr, output);
        assert.deepEqual([run.code, run.stdout], [1, ""]);
      });
    }
  }
});

test("a warning that the error does not explain is printed", async (t) => {
  const cwd = tempFolder(t, { "app.ts": "process.emitWarning('mine');\nthrow new Error('down');\n" });
  const { stderr } = await runHeddle(["serve", "app.ts", "-p", "0", "--control", "off", "-w", "1"], { cwd });
  assert.match(stderr, /Warning: mine\n[^]*\nheddle: app\.ts:2: importing the app failed\. Error: down\n$/);
});

test("a warning about how the app's modules are parsed is printed by one copy", async (t) => {
  const cwd = tempFolder(t, { "package.json": "{}", "app.js": "export default (req, res) => res.end();\n" });
  const { stdout, stderr } = await runHeddle(["check", "app.js"], { cwd });
  assert.match(stdout, /\nok\n$/);
  assert.equal(stderr.match(/\[MODULE_TYPELESS_PACKAGE_JSON\]/g)?.length, 1);
});

for (const [what, made, code] of [
  ["a server", "an http\\.Server", "export default () => createServer();"],
  ["a server later", "an http\\.Server", "export default async (_options) => createServer();"],
  ["a handler", "a function", "export default (_options) => (_req, res) => res.end();"],
] as const) {
  test(`a function that makes ${what} is no handler: its requests fail at once, and the log says why`, async (t) => {
    const cwd = tempFolder(t, { "app.mjs": `import { createServer } from "node:http";\n${code}\n` });
    const server = await startServer("app.mjs", ["--control", "off", "-w", "1", "--log-format", "json"], { cwd });
    t.after(async () => void (await server.stop()));
    assert.equal((await get(server.url)).status, 500);
    await server.waitForLog(new RegExp(`The app's function returned ${made}.*Call it in the module`));
  });
}

test("a default export inside a default export is the app", async (t) => {
  const handler = "exports.__esModule = true; exports.default = (req, res) => res.end();";
  const cwd = tempFolder(t, {
    "once.mjs": "export { default } from './lib.cjs';",
    "twice.cjs": "exports.__esModule = true; exports.default = require('./lib.cjs');",
    "lib.cjs": handler,
  });
  for (const app of ["once.mjs", "twice.cjs", "lib.cjs"])
    assert.match((await runHeddle(["check", app], { cwd })).stdout, /\(listener\)\n[^]*\nok\n$/, app);
});
