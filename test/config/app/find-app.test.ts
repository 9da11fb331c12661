import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { findApp, type FoundApp } from "../../../src/config/app/find-app.ts";
import { HeddleError, type ErrorCode } from "../../../src/errors/errors.ts";

/** `files`: empty ones. */
function project(t: TestContext, manifest: object | undefined, files: readonly string[]): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "heddle-find-")));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const file of files) write(folder, file, "");
  if (manifest !== undefined) write(folder, "package.json", JSON.stringify(manifest));
  return folder;
}

function write(folder: string, file: string, text: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
}

/** The command of a package, as npm links it. */
function install(folder: string, command: string, file: string): void {
  write(folder, `node_modules/${file}`, "#!/usr/bin/env node\n");
  mkdirSync(join(folder, "node_modules/.bin"), { recursive: true });
  symlinkSync(`../${file}`, join(folder, "node_modules/.bin", command));
}

function found(folder: string): FoundApp & { readonly name: string } {
  const app = findApp(folder);
  return { ...app, name: relative(folder, app.file) };
}

function refused(folder: string, code: ErrorCode, text: RegExp): void {
  assert.throws(
    () => findApp(folder),
    (error) => {
      assert.ok(error instanceof HeddleError);
      assert.equal(error.code, code);
      assert.match(`${error.message}\n${error.hint}`, text);
      return true;
    },
  );
}

const start = (script: string, more: object = {}): object => ({ scripts: { start: script, build: "tsc" }, ...more });

describe("the app that nobody names", () => {
  test("is what npm start would run, before everything else", (t) => {
    const files = ["dist/api.js", "server.ts", "index.js", ".output/server/index.mjs"];
    const app = found(project(t, start("node dist/api.js", { main: "index.js" }), files));
    assert.equal(app.name, "dist/api.js");
    assert.equal(app.reason, 'scripts.start in package.json: "node dist/api.js"');
  });

  test("is found without its extension, and as a folder, as Node finds it", (t) => {
    const folder = project(t, start("node dist/main"), ["dist/main.js"]);
    assert.equal(found(folder).name, "dist/main.js");
    write(folder, "package.json", JSON.stringify(start("node .", { main: "lib" })));
    write(folder, "lib/index.js", "");
    assert.equal(found(folder).name, "lib/index.js");
  });

  test("brings variables, flags and env files of the start script", (t) => {
    const folder = project(t, start("A=b node -r ./x.js --env-file .env --env-file-if-exists none s.js --q"), [
      "s.js",
      ".env",
    ]);
    const { env, nodeFlags, envFiles, args, reason } = found(folder);
    assert.deepEqual({ env, nodeFlags, args }, { env: { A: "b" }, nodeFlags: ["-r", "./x.js"], args: ["--q"] });
    assert.deepEqual(envFiles, [join(folder, ".env")]);
    assert.match(reason, /; with -r \.\/x\.js A \.env$/);
  });

  test("may be in a script that the start script runs", (t) => {
    const scripts = { start: "npm run build && npm run serve -- --q", serve: "A=b node s.js", build: "tsc" };
    const app = found(project(t, { scripts }, ["s.js"]));
    assert.deepEqual([app.name, app.args, app.env], ["s.js", ["--q"], { A: "b" }]);
    assert.match(app.reason, /→ scripts\.serve .*; with A; without npm run build$/);
  });

  test("brings the files that the start script names in the folder it changes to", (t) => {
    const script = "cd api && node --env-file=.env -r ./a.js --import=../b.js x.js";
    const folder = project(t, start(script), ["api/x.js", "api/.env", ".env"]);
    const { name, envFiles, nodeFlags } = found(folder);
    assert.equal(name, "api/x.js");
    assert.deepEqual(envFiles, [join(folder, "api/.env")]);
    assert.deepEqual(nodeFlags, ["-r", join(folder, "api/a.js"), `--import=${join(folder, "b.js")}`]);
  });

  test("brings the env files of each script, those of the outer one last, as they win", (t) => {
    const scripts = { start: "dotenv -e .outer -- npm run serve", serve: "node --env-file=.inner s.js" };
    const folder = project(t, { scripts }, ["s.js", ".outer", ".inner"]);
    assert.deepEqual(found(folder).envFiles, [join(folder, ".inner"), join(folder, ".outer")]);
  });

  test("is not looked for in this package if the start script runs another one's", (t) => {
    for (const script of ["cd api && npm run serve", "cd api && next start"]) {
      const folder = project(t, { scripts: { start: script, serve: "node s.js" } }, ["s.js"]);
      refused(folder, "CLI_USAGE", /that of api: start heddle there, or with --chdir api/);
    }
  });

  test("is run with tsx if the start script does so and it is installed", (t) => {
    const folder = project(t, start("tsx s.ts"), ["s.ts"]);
    assert.deepEqual(found(folder).nodeFlags, []);
    assert.match(found(folder).reason, /without tsx \(not installed/);
    write(folder, "node_modules/tsx/package.json", '{"main":"index.js"}');
    write(folder, "node_modules/tsx/index.js", "");
    assert.deepEqual(found(folder).nodeFlags, ["--import", "tsx"]);
  });

  test("that is not built is told to be built", (t) => {
    refused(
      project(t, start("node dist/x.js"), ["src/x.ts", "server.js"]),
      "APP_NOT_FOUND",
      /dist\/x\.js, which does not exist.*\n.*npm run build/,
    );
    refused(project(t, { main: "dist/x.js", scripts: { build: "tsc" } }, []), "APP_NOT_FOUND", /npm run build/);
    refused(
      project(t, { dependencies: { "@nestjs/core": "1" } }, ["src/main.ts"]),
      "APP_NOT_FOUND",
      /NestJS, and its build \(dist\/main\.js/,
    );
    refused(project(t, start("next start"), []), "APP_NOT_FOUND", /\.next\/BUILD_ID does not exist/);
  });

  test("may be the command of a package that is a server", (t) => {
    const folder = project(t, start("react-router-serve ./build/server/index.js"), ["build/server/index.js"]);
    refused(folder, "APP_NOT_FOUND", /react-router-serve is not in node_modules/);
    install(folder, "react-router-serve", "@react-router/serve/bin.cjs");
    const app = found(folder);
    assert.deepEqual([app.name, app.args], ["node_modules/@react-router/serve/bin.cjs", ["./build/server/index.js"]]);
  });

  test("is found behind the shell script that other package managers write for a command", (t) => {
    const folder = project(t, start("next start"), [".next/BUILD_ID", "node_modules/next/dist/bin/next"]);
    const shim =
      '#!/bin/sh\nif [ -x "$basedir/node" ]; then\n  exec "$basedir/node"  "$basedir/../next/dist/bin/next" "$@"\nfi\n';
    write(folder, "node_modules/.bin/next", shim);
    chmodSync(join(folder, "node_modules/.bin/next"), 0o755);
    assert.equal(found(folder).name, "node_modules/next/dist/bin/next");
  });

  const builds: readonly (readonly [string, string, string])[] = [
    ["next", ".next/standalone/server.js", "next build"],
    ["nuxt", ".output/server/index.mjs", "nuxt preview"],
    ["@sveltejs/adapter-node", "build/index.js", "vite preview"],
    ["@astrojs/node", "dist/server/entry.mjs", "astro preview"],
    ["@angular/ssr", "dist/shop/server/server.mjs", "ng serve"],
    ["@nestjs/core", "dist/main.js", "nest start"],
    ["@adonisjs/core", "build/bin/server.js", "heddle serve"],
  ];
  for (const [name, output, script] of builds) {
    test(`is the build of ${name}`, (t) => {
      for (const manifest of [start(script), { scripts: { build: "x" } }])
        assert.equal(
          found(project(t, { ...manifest, dependencies: { [name]: "1" } }, [output, "index.js"])).name,
          output,
        );
    });
  }

  test("is what serves a build that does not listen by itself", (t) => {
    const folder = project(t, { dependencies: { "@react-router/serve": "1", next: "1" } }, ["build/server/index.js"]);
    install(folder, "react-router-serve", "@react-router/serve/bin.cjs");
    assert.deepEqual(found(folder).args, ["build/server/index.js"]);
    refused(
      project(t, { dependencies: { "@react-router/node": "1" } }, ["build/server/index.js"]),
      "APP_NOT_FOUND",
      /cannot be served by itself.*\n.*@react-router\/serve/,
    );
  });

  test("is the project's own server beside a build", (t) => {
    const folder = project(t, { dependencies: { next: "1" } }, ["server.ts", ".next/standalone/server.js"]);
    assert.equal(found(folder).name, "server.ts");
  });

  test("is a script for production if the start script serves for development", (t) => {
    const scripts = { start: "nest start", "start:prod": "node dist/main" };
    assert.equal(found(project(t, { scripts }, ["dist/main.js", "src/main.ts"])).name, "dist/main.js");
  });

  test("is main, and then a usual name", (t) => {
    assert.equal(found(project(t, { main: "x.js" }, ["x.js", "server.js"])).name, "x.js");
    assert.equal(found(project(t, { main: "none.js" }, ["index.js", "src/app.ts"])).name, "src/app.ts");
    assert.equal(found(project(t, start("heddle serve"), ["src/server.ts"])).name, "src/server.ts");
    const alone = found(project(t, undefined, ["app.mjs", "index.html"]));
    assert.deepEqual([alone.name, alone.reason], ["app.mjs", "a usual name"]);
  });

  test("cannot be told from equally good files, which are listed", (t) => {
    refused(
      project(t, {}, ["server.ts", "server.js"]),
      "CLI_USAGE",
      /heddle serve server\.ts\n  heddle serve server\.js/,
    );
    const two = { dependencies: { "@sveltejs/adapter-node": "1", "@astrojs/node": "1" } };
    refused(
      project(t, two, ["build/index.js", "dist/server/entry.mjs"]),
      "CLI_USAGE",
      /several builds: build\/index\.js, dist/,
    );
  });

  test("is not guessed if the start script is not understood, except from a framework's build", (t) => {
    refused(
      project(t, start("turbo run start"), ["server.js"]),
      "CLI_USAGE",
      /turbo, which heddle does not know\n[^]*heddle serve server\.js/,
    );
    assert.match(found(project(t, start("turbo run start"), [".output/server/index.mjs"])).name, /output/);
    refused(project(t, start("npm start"), ["server.js"]), "CLI_USAGE", /runs itself/);
    refused(project(t, start("npm run gone"), ["server.js"]), "CLI_USAGE", /does not exist/);
  });

  test("that does not exist is an error that says what was looked for", (t) => {
    refused(
      project(t, { main: "none.js" }, []),
      "CLI_USAGE",
      /found none[^]*scripts\.start in package\.json: none[^]*main[^]*none\.js does not exist[^]*server, app, main, index/,
    );
    refused(project(t, undefined, []), "CLI_USAGE", /package\.json: there is none/);
  });

  test("is found where names lead in circles or to what every object has", (t) => {
    assert.match(found(project(t, { main: "." }, ["index.mjs"])).name, /index\.mjs$/);
    refused(project(t, start("npm run toString"), ["server.js"]), "CLI_USAGE", /does not exist/);
    const folder = project(t, undefined, []);
    symlinkSync("app.mjs", join(folder, "server.mjs"));
    symlinkSync("server.mjs", join(folder, "app.mjs"));
    refused(folder, "CLI_USAGE", /found none/);
    const circle = project(t, start("node a"), ["a/none.txt", "b/none.txt"]);
    write(circle, "a/package.json", JSON.stringify({ main: "../b" }));
    write(circle, "b/package.json", JSON.stringify({ main: "../a" }));
    refused(circle, "APP_NOT_FOUND", /a/);
  });

  test("is not looked for in a package.json that cannot be read", (t) => {
    const folder = project(t, undefined, ["server.js"]);
    write(folder, "package.json", "{");
    refused(folder, "CONFIG_FILE_FAILED", /package\.json cannot be read/);
  });
});
