import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseEnv } from "node:util";
import { envFilePaths, parseArguments, resolveConfig } from "../../../src/config/config.ts";
import {
  expandValue,
  mergeEnvFiles,
  parseEnvFile,
  readEnvFiles,
  readScriptEnv,
} from "../../../src/config/sources/env-file.ts";
import { refusal } from "../support.ts";

function files(...variables: readonly Readonly<Record<string, string>>[]): Parameters<typeof mergeEnvFiles>[0] {
  return variables.map((each, index) => ({ path: `/srv/${index}.env`, variables: each }));
}

function resolvedWith(
  inFile: Record<string, string>,
  env: Record<string, string> = {},
): ReturnType<typeof resolveConfig> {
  const machine = { cwd: "/srv", pid: 1, isTTY: false, cpus: 1 };
  return resolveConfig({ app: "app.ts", flags: {}, ...mergeEnvFiles(files(inFile), env), ...machine });
}

test("an env file is read as Node reads it", () => {
  for (const text of [
    "",
    "\n\n",
    "A=1\nB=2\n",
    "A=1\r\n# a comment = none\r\nB = 2 # and another\r\n",
    "export A=1",
    'KEY="-----BEGIN-----\nno assignment\n-----END-----" # behind it\nB=2',
    "A='it is \"quoted\"'\nB=`both ' and \"`",
    'A="not closed\nB=1',
    "A=\nB=",
    "A=x=y",
  ]) {
    assert.deepEqual(parseEnvFile(text, "/srv/.env"), { ...parseEnv(text) }, JSON.stringify(text));
  }
});

test("a byte order mark is not part of the first name", () => {
  assert.deepEqual(parseEnvFile("\uFEFFA=1", "/srv/.env"), { A: "1" });
});

test("a line that is no assignment is refused by its number, and not shown: it may be a secret", () => {
  for (const [text, line] of [
    ["A=1\nhunter2\nB=2", 2],
    ['A="1\n2\n3"\nhunter2', 4],
    ["=hunter2", 1],
    ["hunter2: x", 1],
    ["A=1\n\n  hunter2", 3],
  ] as const) {
    const message = refusal("ENV_FILE_FAILED", () => parseEnvFile(text, "/srv/.env"));
    assert.match(message, new RegExp(`^--env-file: /srv/\\.env cannot be used: line ${line} is neither NAME=value`));
    assert.doesNotMatch(message, /hunter2/);
  }
  assert.match(
    refusal("ENV_FILE_FAILED", () => parseEnvFile("A=\0", "/srv/.env")),
    /it is not a text file$/,
  );
});

test("a file that is missing, or a folder, is refused", () => {
  assert.match(
    refusal("ENV_FILE_FAILED", () => readEnvFiles(["/nowhere/.env"])),
    /\/nowhere\/\.env .*it does not exist$/,
  );
  assert.match(
    refusal("ENV_FILE_FAILED", () => readEnvFiles(["/"])),
    /EISDIR/,
  );
});

test("a later file comes before an earlier one, and the environment before all, also where it is empty", () => {
  const { env, envFileOf } = mergeEnvFiles(files({ A: "0", B: "0", C: "0", D: "0" }, { B: "1", C: "1" }), {
    C: "",
    D: "e",
  });
  assert.deepEqual(env, { A: "0", B: "1", C: "", D: "e" });
  assert.deepEqual(envFileOf, { A: "0.env", B: "1.env" });
});

test("HEDDLE_* and PORT in an env file are settings, and say where they stand", () => {
  const { workers, listen } = resolvedWith({ HEDDLE_WORKERS: "3", PORT: "3000", OTHER: "x" });
  assert.deepEqual([workers, listen], [3, [{ kind: "tcp", host: "127.0.0.1", port: 3000 }]]);
  assert.equal(resolvedWith({ HEDDLE_WORKERS: "3" }, { HEDDLE_WORKERS: "2" }).workers, 2);
  assert.equal(
    refusal("CONFIG_UNKNOWN_SETTING", () => resolvedWith({ HEDDLE_WORKRES: "3" })),
    "HEDDLE_WORKRES in 0.env is not a setting; did you mean HEDDLE_WORKERS?",
  );
  assert.match(
    refusal("CONFIG_BAD_VALUE", () => resolvedWith({ PORT: "http" })),
    /^PORT in 0\.env: got "http"/,
  );
});

test("what says where the files are cannot stand in one of them", () => {
  for (const [name, flag] of [
    ["HEDDLE_CHDIR", "--chdir"],
    ["HEDDLE_CONFIG", "--config"],
    ["HEDDLE_ENV_FILE", "--env-file"],
  ] as const) {
    const message = refusal("CONFIG_CONFLICT", () => resolvedWith({ [name]: "x" }));
    assert.match(message, new RegExp(`^${name} in 0\\.env is read too late.*, or as ${flag}$`));
  }
});

test("env files are named by flags, else by the environment, else by the config file", () => {
  const { flags } = parseArguments(["--env-file", "a", "--env-file=b"]);
  const env = { HEDDLE_ENV_FILE: "c,d" };
  const file = { path: "/srv/heddle.config.ts", settings: { envFile: ".env" } };
  assert.deepEqual(envFilePaths({ flags, env, file }, "/srv"), ["/srv/a", "/srv/b"]);
  assert.deepEqual(envFilePaths({ flags: {}, env, file }, "/srv"), ["/srv/c", "/srv/d"]);
  assert.deepEqual(envFilePaths({ flags: {}, env: {}, file }, "/srv"), ["/srv/.env"]);
  assert.equal(envFilePaths({ flags: {}, env: {} }, "/srv"), undefined);
});

test("values refer to variables as with dotenv-expand", () => {
  const variables: Readonly<Record<string, string>> = { A: "1", B: "${A}/b", I: "$I:x", K: "$L", L: "$K", EMPTY: "" };
  const expanded: Readonly<Record<string, string>> = {
    "https://${A}@host/$B?x=$X": "https://1@host/1/b?x=",
    "${X:-${A}} ${EMPTY:-empty} ${X-a:-b} ${A-q}": "1 empty a:-b 1",
    "${A:+yes}${X:+no}": "yes",
    "\\$A a$ $$": "$A a$ $$",
    "$I:x": ":x",
    $K: "",
  };
  for (const [text, value] of Object.entries(expanded))
    assert.equal(
      expandValue(text, (name) => variables[name]),
      value,
      text,
    );
});

test("the files of a start script's dotenv have their values expanded, and others have not", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "heddle-env-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [all, quoted, node] = ["all", "quoted", "node"].map((name) => join(folder, name)) as [string, string, string];
  writeFileSync(all, "A='$HOST/a'\nB=$A$SCRIPT\nHOST=file");
  writeFileSync(quoted, "C='$HOST'\n D=$HOST");
  writeFileSync(node, "E=$HOST");
  const expanded = { [all]: "all", [quoted]: "unless-single-quoted" } as const;
  const found = { envFiles: [all, quoted, node], env: { SCRIPT: "script" }, expanded };
  const { env } = mergeEnvFiles(readScriptEnv(found), { HOST: "host" });
  assert.deepEqual(env, {
    A: "host/a",
    B: "host/ascript",
    C: "$HOST",
    D: "host",
    E: "$HOST",
    SCRIPT: "script",
    HOST: "host",
  });
  for (const [line, why] of [
    ["C=encrypted:BD", /dotenvx decrypts C, and heddle does not/],
    ['C="$(id)"', /dotenvx runs a command for C/],
  ] as const) {
    writeFileSync(quoted, line);
    assert.throws(() => readScriptEnv(found), { code: "ENV_FILE_FAILED", message: why });
  }
});
