import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { describe, test } from "node:test";
import { failFixture, fixtures } from "../serve-fixture.ts";

interface Expected {
  readonly code: string;
  readonly message: RegExp;
  readonly hint?: RegExp;
}

const at = (place: string): string => relative(process.cwd(), join(fixtures, place)).replaceAll(".", "\\.");

describe("loadApp says what is wrong and what would be right", { concurrency: 2 }, () => {
  const cases: Record<string, Expected> = {
    "fetchh.ts": { code: "APP_NOT_FOUND", message: /There is no file .*fetchh\.ts/, hint: /Did you mean .*fetch\.ts/ },
    cjs: { code: "APP_NOT_FOUND", message: /is a directory/, hint: /Did you mean .*cjs\/app\.js/ },
    "throws.ts": {
      code: "APP_IMPORT_FAILED",
      message: new RegExp(`^${at("throws-deep.ts")}:3: .*RangeError: no database`),
    },
    "throws-string.mjs": { code: "APP_IMPORT_FAILED", message: /throws-string\.mjs: .*just a string/ },
    "enum.ts": {
      code: "APP_SYNTAX_UNSUPPORTED",
      message: new RegExp(`^${at("enum.ts")}:2: TypeScript enum cannot be erased in .enum Color \\{`),
      hint: /const object.*compile first/i,
    },
    "imports-enum.ts": { code: "APP_SYNTAX_UNSUPPORTED", message: /enum\.ts:2: / },
    "parameter-property.ts": { code: "APP_SYNTAX_UNSUPPORTED", message: /:2: TypeScript parameter property/ },
    "namespace.cts": { code: "APP_SYNTAX_UNSUPPORTED", message: /namespace\.cts:1: TypeScript namespace/ },
    "decorator.ts": {
      code: "APP_SYNTAX_UNSUPPORTED",
      message: /decorator\.ts:3: decorators .*@injectable/,
      hint: /Compile/,
    },
    "page.tsx": { code: "APP_SYNTAX_UNSUPPORTED", message: /page\.tsx: Node cannot run \.tsx/, hint: /JSX/ },
    "no-extension.ts": {
      code: "APP_IMPORT_FAILED",
      message: /^\S*no-extension\.ts:\d+: /,
      hint: /greeting\.ts: .*extension/,
    },
    "missing-package.ts": {
      code: "APP_IMPORT_FAILED",
      message: /missing-package/,
      hint: /npm install not-installed-anywhere/,
    },
    "imports-type.ts": { code: "APP_IMPORT_FAILED", message: /imports-type\.ts:1: /, hint: /import type/ },
    "commonjs/es-module.js": {
      code: "APP_IMPORT_FAILED",
      message: /es-module\.js:1: .*Unexpected token 'export'/,
      hint: /write "type": "module" in \S*commonjs\/package\.json, or name the file \.mjs\./,
    },
    "commonjs/imports-es-module.js": {
      code: "APP_IMPORT_FAILED",
      message: /^\S*\/es-module\.js:1: /,
      hint: /commonjs\/package\.json, or name the file \.mjs\./,
    },
    "commonjs/es-module.cts": { code: "APP_IMPORT_FAILED", message: /es-module\.cts/, hint: /: name the file \.mts\./ },
    "both-kinds.js": {
      code: "APP_IMPORT_FAILED",
      message: /both-kinds\.js:3: .*module is not defined/,
      hint: /`export default` for `module\.exports`/,
    },
    "no-handler.ts": {
      code: "APP_NO_HANDLER",
      message:
        /no-handler\.ts exports nothing that answers .*Foo \(a class Foo\), app \(an object with fetch\), port \(a number\)/,
      hint: /`app` would do: write `export default app`.*call listen\(\)/,
    },
    "exports-nothing.ts": { code: "APP_NO_HANDLER", message: /It exports nothing\./, hint: /fetch\(request\)/ },
    "exports-class.ts": { code: "APP_NO_HANDLER", message: /default \(a class App\)/ },
    "start-fails.ts": { code: "APP_HOOK_FAILED", message: /start-fails\.ts: onStart threw\. no queue/ },
    "start-not-function.ts": { code: "APP_HOOK_FAILED", message: /onStart must be a function, and is a string/ },
  };
  for (const [file, expected] of Object.entries(cases)) {
    test(`${file}: ${expected.code}`, async () => {
      const error = await failFixture(file);
      assert.equal(error.code, expected.code);
      assert.match(error.message, expected.message);
      if (expected.hint !== undefined) assert.match(error.hint ?? "", expected.hint);
    });
  }

  test("an app that neither exports nor listens is given up at the boot timeout", async () => {
    const error = await failFixture("waits-for-listen.ts", 200);
    assert.equal(error.code, "APP_NO_HANDLER");
    assert.match(error.message, /did not listen\. It exports default \(an object with get, post\)/);
  });

  test("a top-level await that never settles is named at the boot timeout", async () => {
    const error = await failFixture("never-imported.ts", 200);
    assert.equal(error.code, "APP_IMPORT_FAILED");
    assert.match(error.hint ?? "", /top-level `await`/);
  });

  test("the app's files are known although it failed to load", async () => {
    const { modules } = await failFixture("throws.ts");
    assert.deepEqual(
      modules,
      ["throws-deep.ts", "throws.ts"].map((name) => join(fixtures, name)),
    );
    assert.deepEqual((await failFixture("fetchh.ts")).modules, []);
  });
});
