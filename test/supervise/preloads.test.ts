import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readNodeOptions, splitPreloads } from "../../src/supervise/preloads.ts";

describe("preloads", () => {
  test("are told from other options, with and without an equals sign", () => {
    const options = [
      "--import",
      "./a.mjs",
      "--stack-trace-limit=50",
      "-r",
      "b",
      "--require=c",
      "--loader",
      "d",
      "--inspect",
    ];
    assert.deepEqual(splitPreloads(options), {
      preloads: ["--import", "./a.mjs", "-r", "b", "--require=c", "--loader", "d"],
      others: ["--stack-trace-limit=50", "--inspect"],
    });
    assert.deepEqual(splitPreloads(["--import"]), { preloads: ["--import", ""], others: [] });
  });

  test("are read from NODE_OPTIONS with its quotes", () => {
    assert.deepEqual(readNodeOptions('  --import "./my app.mjs"  --title=x '), [
      "--import",
      "./my app.mjs",
      "--title=x",
    ]);
    assert.deepEqual(readNodeOptions('--require="a \\"b\\" \\\\c.js"'), ['--require=a "b" \\c.js']);
    assert.deepEqual(readNodeOptions(""), []);
  });
});
