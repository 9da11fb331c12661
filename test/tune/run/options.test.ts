import assert from "node:assert/strict";
import { test } from "node:test";
import { readOptions, type TuneOptions } from "../../../src/tune/run/options.ts";

function read(...argv: string[]): TuneOptions {
  return readOptions(argv)!;
}

test("tune's own flags are read, and all others go to the server with the app", () => {
  const options = read(
    ..."app.ts --path /a --path /b --budget 10m --slo p95=200ms --json --write -y --out x".split(" "),
    ..."--timeout 5s --env-file .env -l 127.0.0.1:1 --no-watch -- --verbose".split(" "),
  );
  assert.deepEqual(options, {
    serveArgs: [
      "app.ts",
      "--timeout=5s",
      "--env-file=.env",
      "--listen=127.0.0.1:1",
      "--watch=false",
      "--",
      "--verbose",
    ],
    paths: ["/a", "/b"],
    budgetMs: 600_000,
    sloP95Ms: 200,
    isFixed: false,
    shapes: [],
    models: [],
    json: true,
    write: true,
    yes: true,
    outFolder: "x",
  });
});

test("by default the budget is under three minutes, and heddle chooses the shapes", () => {
  const { budgetMs, isFixed, shapes, models, json, write } = read("app.ts");
  assert.ok(budgetMs < 180_000);
  assert.deepEqual([isFixed, shapes, models, json, write], [false, [], [], false, false]);
});

test("--model, --workers and --threads fix the shape, and go to the server too", () => {
  for (const flag of ["--model=threads", "--workers=3", "--threads=4"]) {
    const { isFixed, serveArgs } = read("app.ts", flag);
    assert.deepEqual([isFixed, serveArgs], [true, ["app.ts", flag]]);
  }
});

test("--shape and --models name the shapes to compare", () => {
  assert.deepEqual(read("--shape", "loop:2x1", "--shape", "threads:1x8", "--shape=sync:4").shapes, [
    { model: "loop", workers: 2, threads: 1 },
    { model: "threads", workers: 1, threads: 8 },
    { model: "sync", workers: 4, threads: 1 },
  ]);
  assert.deepEqual(read("--models", "loop, threads,loop").models, ["loop", "threads"]);
  assert.equal(read("--models", "all").models.length, 6);
});

test("--url is an address without a path", () => {
  assert.equal(read("--url", "http://127.0.0.1:8000/").url, "http://127.0.0.1:8000");
  assert.equal(read("--url", "localhost:8000").url, "http://localhost:8000");
});

test("what cannot be read is told with what would be right", () => {
  const cases: readonly (readonly [readonly string[], string, RegExp])[] = [
    [["--budget", "3s"], "CONFIG_BAD_VALUE", /^--budget: got "3s"; expected a time of at least 20s/],
    [["--slo", "200ms"], "CONFIG_BAD_VALUE", /^--slo: got "200ms"; expected p95=TIME/],
    [["--slo", "p99=200ms"], "CONFIG_BAD_VALUE", /^--slo: got "p99=200ms"/],
    [["--models", "lop"], "CONFIG_BAD_VALUE", /^--models: got "lop"; expected all, or some of .*did you mean loop\?$/],
    [["--shape", "loop"], "CONFIG_BAD_VALUE", /^--shape: got "loop"; expected MODEL:WORKERSxTHREADS/],
    [["--shape", "thread:1x8"], "CONFIG_BAD_VALUE", /did you mean threads\?$/],
    [["--shape", "loop:0x1"], "CONFIG_BAD_VALUE", /^--shape: got "loop:0x1"/],
    [["--shape", "sync:2x2"], "CONFIG_BAD_VALUE", /expected sync:2: a worker of sync has one thread/],
    [["--url", "ftp://x"], "CONFIG_BAD_VALUE", /^--url: got "ftp:\/\/x"; expected the address of a server/],
    [
      ["--url", "http://x/orders"],
      "CONFIG_BAD_VALUE",
      /the address without a path: --url http:\/\/x --path '\/orders'/,
    ],
    [["--pth", "/"], "CONFIG_UNKNOWN_FLAG", /did you mean --path\?/],
    [["--path", "/", "--scenario", "x"], "CONFIG_CONFLICT", /got --path and --scenario/],
    [["--shape", "loop:1x1", "--models", "all"], "CONFIG_CONFLICT", /got --shape and --models/],
    [["--shape", "loop:1x1", "--model", "loop"], "CONFIG_CONFLICT", /got --shape and one of --model/],
    [
      ["--url", "http://load:secret@x:81"],
      "CONFIG_BAD_VALUE",
      /^--url: got "http:\/\/…@x:81"; expected http:\/\/x:81: a scenario file \(--scenario\) can send an authorization header$/,
    ],
    [["--url", "unix:/run/app"], "CONFIG_BAD_VALUE", /^--url: got "unix:\/run\/app"; expected an address .* over TCP/],
    [["app.ts", "--url", "http://x"], "CONFIG_CONFLICT", /got --url and app\.ts; expected --url alone/],
    [["--url", "http://x", "--write"], "CONFIG_CONFLICT", /got --url and --write/],
  ];
  for (const [argv, code, message] of cases) {
    assert.throws(() => readOptions(argv), { code, message }, argv.join(" "));
  }
});
