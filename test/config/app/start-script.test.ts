import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, test } from "node:test";
import { readStartScript, type StartCommand } from "../../../src/config/app/start-script.ts";
import { splitScript } from "../../../src/config/app/script-words.ts";

type FileCommand = Extract<StartCommand, { kind: "file" }>;

function fileOf(script: string): FileCommand {
  const command = readStartScript(script);
  assert.equal(command.kind, "file", `${script}: ${JSON.stringify(command)}`);
  return command;
}

describe("the words of a script", () => {
  test("are split as a shell does, with quotes, operators, comments and redirections", () => {
    assert.deepEqual(splitScript(`A='b c' node "my app.js" --x=\\"1\\" > log 2>&1 # a note`), [
      { words: ["A=b c", "node", "my app.js", '--x="1"'] },
    ]);
    assert.deepEqual(splitScript("a&&b ;c | d"), [
      { words: ["a"] },
      { words: ["b"], after: "&&" },
      { words: ["c"], after: ";" },
      { words: ["d"], after: "|" },
    ]);
    assert.deepEqual(splitScript(""), []);
  });

  test("of a script with more of the shell are not known", () => {
    for (const script of [
      "(cd x; node y)",
      "node $(ls)",
      "node `ls`",
      "if true; then node x; fi",
      "node x &",
      "node 'x",
    ])
      assert.equal(splitScript(script), undefined, script);
  });
});

describe("the file that a start script runs", () => {
  const scripts: Readonly<Record<string, string>> = {
    "node server.js": "server.js",
    "node .": ".",
    "/usr/local/bin/node dist/x": "dist/x",
    "NODE_ENV=production node x.js": "x.js",
    "cross-env A=b C=d node x.js": "x.js",
    "env A=b node x.js": "x.js",
    "exec node x.js": "x.js",
    "npx -y tsx x.ts": "x.ts",
    "pnpm exec tsx x.ts": "x.ts",
    "tsx watch x.ts": "x.ts",
    "ts-node -P tsconfig.json x.ts": "x.ts",
    "nodemon -w src x.ts": "x.ts",
    "nodemon --exec 'node --import ./a.js' x.ts": "x.ts",
    "pm2 start x.js -i max": "x.js",
    "pm2-runtime x.js": "x.js",
    "npm run build && node dist/x.js": "dist/x.js",
    "set NODE_ENV=production&& node x.js": "x.js",
    "node x.js | pino-pretty": "x.js",
    "dotenv -e .env -- node x.js": "x.js",
    "dumb-init -- node x.js": "x.js",
    "./bin/www": "./bin/www",
    "bun run x.ts": "x.ts",
    "heddle serve x.ts --workers 2": "x.ts",
    "tsx --tsconfig tsconfig.server.json --env-file=.env x.ts": "x.ts",
    "tsx watch --clear-screen=false --include 'a/*' x.ts": "x.ts",
    "ts-node --compiler-options '{}' -r a x.ts": "x.ts",
    "nodemon -r dotenv/config -e ts,json x.ts": "x.ts",
    "nodemon --exec tsx --tsconfig a.json x.ts": "x.ts",
    "pm2 start --cwd . --interpreter node x.js": "x.js",
    'cross-env-shell "A=b node x.js"': "x.js",
    "cross-env-shell A=b 'node x.js'": "x.js",
    "node --report-dir reports --cpu-prof-dir=p x.js": "x.js",
    "node --stack-trace-limit=50 -C development x.js": "x.js",
  };
  for (const [script, file] of Object.entries(scripts))
    test(`${script} → ${file}`, () => assert.equal(fileOf(script).file, file));

  test("is behind the values of all of Node's own flags", () => {
    const help = execFileSync(process.execPath, ["--help"], { encoding: "utf8" });
    const names = [...help.matchAll(/^ {2}(-[\w-]+(?:, -[\w-]+)*)=[^\s\]]/gm)].flatMap(([, all]) => all!.split(", "));
    assert.ok(names.includes("--report-dir") && names.includes("-r"));
    const others = /^(?:-e|--eval|--run|--build-.*|--experimental-sea-config|--(?:experimental-)?(?:test|bench)-.*)$/;
    // It has no value: it shares a line with one that has.
    const bare = "--experimental-default-config-file";
    for (const name of names.filter((each) => !others.test(each) && each !== bare))
      assert.equal(fileOf(`node ${name} value x.js`).file, "x.js", name);
  });

  test("comes with Node's flags, the variables and the app's arguments", () => {
    const { args, nodeFlags, env, notTaken } = fileOf(
      "A=b cross-env C=d node -r dotenv/config --import=./otel.js --max-old-space-size=400 x.js --shop north",
    );
    assert.deepEqual(args, ["--shop", "north"]);
    assert.deepEqual(nodeFlags, ["-r", "dotenv/config", "--import=./otel.js", "--max-old-space-size=400"]);
    assert.deepEqual(env, { A: "b", C: "d" });
    assert.deepEqual(notTaken, []);
  });

  test("comes with its env files", () => {
    assert.deepEqual(fileOf("node --env-file=.env --env-file-if-exists .local x.js").envFiles, [
      { path: ".env", isOptional: false },
      { path: ".local", isOptional: true },
    ]);
    assert.deepEqual(fileOf("dotenv -e .env -- node x.js").envFiles, [
      { path: ".env", isOptional: true, expands: "all" },
    ]);
    const expansions = ["dotenv --no-expand -- node x.js", "env-cmd node x.js", "dotenvx run -- node x.js"].map(
      (script) => fileOf(script).envFiles[0]?.expands,
    );
    assert.deepEqual(expansions, [undefined, undefined, "unless-single-quoted"]);
  });

  test("comes with the env files of a program around it, of which the first wins", () => {
    const paths = (script: string): readonly string[] => fileOf(script).envFiles.map(({ path }) => path);
    assert.deepEqual(paths("dotenv -e .env.local -e .env -- node x.js"), [".env", ".env.local"]);
    assert.deepEqual(paths("dotenvx run -f .local --env-file=.env -- node x.js"), [".env", ".local"]);
    assert.deepEqual(paths("dotenv -e .outer -- node --env-file=.inner x.js"), [".inner", ".outer"]);
    assert.deepEqual(paths("env-cmd --file .prod node x.js"), [".prod"]);
    for (const script of ["dotenv -- node x.js", "dotenv node x.js", "env-cmd node x.js", "dotenvx run -- node x.js"])
      assert.deepEqual(paths(script), [".env"], script);
  });

  test("comes with the variables and the cascade of dotenv", () => {
    const { env, envFiles, notTaken } = fileOf("dotenv -c production -e .env -e .db -v A=b -- node x.js");
    assert.deepEqual([env, notTaken], [{ A: "b" }, []]);
    const ofEach = [".production.local", ".local", ".production", ""];
    const paths = [".env", ".db"].flatMap((path) => ofEach.map((end) => path + end));
    assert.deepEqual(
      envFiles.map(({ path }) => path),
      paths.toReversed(),
    );
    assert.deepEqual(
      fileOf("dotenv -c -- node x.js").envFiles.map(({ path }) => path),
      [".env", ".env.local"],
    );
    assert.deepEqual(fileOf("dotenvx run --env A=b -- node x.js").env, { A: "b" });
  });

  test("comes without the environments of env-cmd, which are in a file of its own form", () => {
    const { envFiles, notTaken } = fileOf("env-cmd -e production node x.js");
    assert.deepEqual([envFiles, notTaken], [[], ["env-cmd -e production"]]);
    assert.deepEqual(fileOf("dotenv -o -- node x.js").notTaken, ["dotenv -o"]);
  });

  test("of a runner of TypeScript comes with what it adds to Node", () => {
    assert.deepEqual(fileOf("tsx x.ts").preload, ["--import", "tsx"]);
  });

  test("comes with what flags of a runner mean", () => {
    const tsx = fileOf("tsx --no-cache --tsconfig=a.json --conditions=x --env-file=.env watched.ts --tsconfig b");
    assert.deepEqual(tsx.env, { TSX_DISABLE_CACHE: "1", TSX_TSCONFIG_PATH: "a.json" });
    assert.deepEqual([tsx.nodeFlags, tsx.args], [["--conditions=x"], ["--tsconfig", "b"]]);
    assert.deepEqual(tsx.envFiles, [{ path: ".env", isOptional: false }]);
    const nodemon = fileOf("nodemon -q --delay 2 --import ./a.js --env-file=.env x.js -- --shop north");
    assert.deepEqual(
      [nodemon.nodeFlags, nodemon.args],
      [
        ["--import", "./a.js"],
        ["--shop", "north"],
      ],
    );
    assert.deepEqual(nodemon.notTaken.slice(1), ["-q", "--delay 2"]);
    assert.deepEqual(fileOf("nodemon --exec node --import ./a.js x.js").nodeFlags, ["--import", "./a.js"]);
  });

  test("comes with what is not taken over, and what to do instead", () => {
    assert.deepEqual(fileOf("npm run build && node --inspect=9230 --watch x.js").notTaken, [
      "npm run build",
      "--inspect (use heddle's --inspect)",
      "--watch (use heddle's --watch)",
    ]);
    assert.deepEqual(fileOf("pm2 start x.js -i max -- --shop north").notTaken, [
      "pm2 (heddle starts the processes: use its --workers)",
      "-i max",
    ]);
    assert.deepEqual(fileOf("pm2 start x.js -- --shop north").args, ["--shop", "north"]);
    assert.deepEqual(fileOf("PORT=${PORT:-3000} node x.js").notTaken, ["PORT (its value is the shell's)"]);
    assert.deepEqual(fileOf("cd api && node x.js").notTaken, ["cd api (use heddle's --chdir)"]);
    assert.equal(fileOf("cd api && node x.js").folder, "api");
    assert.deepEqual(fileOf("node x.js | pino-pretty").notTaken, ["| pino-pretty"]);
  });
});

test("a start script may run another script, a package's server, or a server for development", () => {
  const kinds: Readonly<Record<string, readonly [StartCommand["kind"], string]>> = {
    "npm run serve": ["script", "serve"],
    "yarn serve": ["script", "serve"],
    "node --run serve": ["script", "serve"],
    "pnpm serve": ["script", "serve"],
    "pm2 start npm --name shop -- run serve": ["script", "serve"],
    "pm2-runtime start 'npm run serve'": ["script", "serve"],
    "run-s build serve": ["script", "serve"],
    "npm-run-all --silent 'build:*' serve": ["script", "serve"],
    "next start -p 3000": ["server", "next"],
    "NODE_ENV=production react-router-serve ./build/server/index.js": ["server", "react-router-serve"],
    "./node_modules/.bin/fastify start app.js": ["server", "fastify"],
    "next dev": ["other", "next dev"],
    "ng serve": ["other", "ng serve"],
    vite: ["other", "vite"],
    "heddle serve": ["other", "heddle"],
    "heddle serve --workers 2": ["other", "heddle"],
  };
  for (const [script, [kind, name]] of Object.entries(kinds)) {
    const command = readStartScript(script);
    assert.deepEqual([command.kind, "name" in command ? command.name : undefined], [kind, name], script);
  }
});

test("yarn and pnpm run a command of a package if there is no such script", () => {
  const none = (): boolean => false;
  const files: Readonly<Record<string, string>> = {
    "yarn node x.js": "x.js",
    "yarn run tsx x.ts": "x.ts",
    "pnpm tsx x.ts": "x.ts",
  };
  for (const [script, file] of Object.entries(files)) {
    const command = readStartScript(script, none);
    assert.equal(command.kind === "file" ? command.file : script, file);
  }
  assert.equal(readStartScript("yarn next start", none).kind, "server");
  assert.equal(readStartScript("yarn node x.js", (name) => name === "node").kind, "script");
  assert.equal(readStartScript("npm run node x.js", none).kind, "script");
});

test("npm keeps its own flags, and the script gets what is behind --", () => {
  const argsOf = (script: string): readonly string[] | undefined => {
    const command = readStartScript(script);
    return command.kind === "script" ? command.args : undefined;
  };
  assert.deepEqual(argsOf("npm run serve --if-present -- --q"), ["--q"]);
  assert.deepEqual(argsOf("npm run serve north --loglevel=error"), ["north"]);
  assert.deepEqual(argsOf("pnpm serve --q"), ["--q"]);
});

test("a script that cannot be understood says why", () => {
  const scripts: Readonly<Record<string, RegExp>> = {
    "npm start --prefix server": /another package/,
    "npm run serve -w api": /another package/,
    "npm run serve --workspace=api": /another package/,
    "yarn workspace api start": /yarn/,
    "turbo run start": /turbo, which heddle does not know/,
    "node a.js & node b.js": /several commands/,
    "node a.js || node b.js": /several commands/,
    "npm-run-all a --parallel b c": /several commands/,
    "run-s 'serve:*'": /does not name one script/,
    "node $FILE": /the shell works out/,
    "node -e 'serve()'": /runs no file/,
    "pm2-runtime ecosystem.config.js": /reads ecosystem\.config\.js/,
    "": /runs nothing/,
    "(node a.js)": /more of the shell/,
  };
  for (const [script, why] of Object.entries(scripts)) {
    const command = readStartScript(script);
    assert.match(command.kind === "unclear" ? command.why : `${script}: ${command.kind}`, why);
  }
});
