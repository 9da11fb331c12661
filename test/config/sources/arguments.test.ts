import assert from "node:assert/strict";
import { test } from "node:test";
import { flagSpecs, parseArguments, type FlagSpec } from "../../../src/config/config.ts";
import { refusal } from "../support.ts";

function unknown(flag: string): string {
  return refusal("CONFIG_UNKNOWN_FLAG", () => parseArguments([flag]));
}

function missing(...argv: string[]): string {
  return refusal("CLI_USAGE", () => parseArguments(argv));
}

test("flags are written with a space, an equals sign, or as one letter", () => {
  const { positionals, flags } = parseArguments([
    "app.ts",
    "--timeout",
    "5s",
    "--limit=9",
    "-p",
    "80",
    "-w4",
    "-m=sync",
  ]);
  assert.deepEqual(positionals, ["app.ts"]);
  assert.deepEqual(flags, { timeout: ["5s"], limit: ["9"], port: ["80"], workers: ["4"], model: ["sync"] });
});

test("a boolean flag stands alone, is negated, or is given a value", () => {
  assert.deepEqual(parseArguments(["--watch", "app.ts"]).flags, { watch: ["true"] });
  assert.deepEqual(parseArguments(["--no-access-log"]).flags, { "access-log": ["false"] });
  assert.deepEqual(parseArguments(["--access-log=false"]).flags, { "access-log": ["false"] });
  assert.equal(
    refusal("CONFIG_BAD_VALUE", () => parseArguments(["--no-watch=true"])),
    "--no-watch: got =true; expected it alone, or --watch=true",
  );
});

test("what follows -- is never a flag", () => {
  const { positionals, flags, rest } = parseArguments(["app.ts", "--", "--watch", "-"]);
  assert.deepEqual([positionals, flags, rest], [["app.ts"], {}, ["--watch", "-"]]);
});

test("an unknown flag is refused with the nearest one there is", () => {
  assert.equal(unknown("--wokrers=2"), "--wokrers is not a flag of this command; did you mean --workers?");
  assert.equal(
    unknown("--gracefulTimeout"),
    "--gracefulTimeout is not a flag of this command; did you mean --graceful-timeout?",
  );
  assert.equal(
    unknown("--no-acess-log"),
    "--no-acess-log is not a flag of this command; did you mean --no-access-log?",
  );
  assert.equal(unknown("--zzzzzz"), "--zzzzzz is not a flag of this command; heddle --help lists all flags");
  assert.match(unknown("-x"), /^-x is not a flag of this command/);
});

test("a flag without its value is refused, and the next flag is not taken for it", () => {
  assert.equal(missing("--port"), "--port: got nothing after it; expected a value, as in --port VALUE");
  assert.equal(
    missing("--port", "--watch"),
    "--port: got the flag --watch after it; expected a value, as in --port VALUE",
  );
});

test("a negative number is taken for a value, so that the complaint is about the number", () => {
  assert.deepEqual(parseArguments(["--port", "-1"]).flags, { port: ["-1"] });
});

test("a command may take few of the settings and flags of its own", () => {
  const specs: readonly FlagSpec[] = [...flagSpecs("control"), { flag: "json", boolean: true }];
  assert.deepEqual(parseArguments(["--json", "--control", "/run/x"], specs).flags, {
    json: ["true"],
    control: ["/run/x"],
  });
  refusal("CONFIG_UNKNOWN_FLAG", () => parseArguments(["--workers", "2"], specs));
});
