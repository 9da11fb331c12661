import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { count } from "../../src/errors/count.ts";

const root = new URL("../../", import.meta.url).pathname;

/** `${n} workers` in a text. A constant's name, in capitals, is a number that is known. */
const BY_HAND =
  /(?<!:|number of )\$\{(?![A-Z_]+\})[^{}]+\} (?:workers|threads|requests|connections|bytes|lines|arguments|permits|tasks|jobs|entries|channels|servers|operations|subscriptions|messages|copies)\b/;

test("one is not many", () => {
  assert.equal(count(0, "worker"), "0 workers");
  assert.equal(count(1, "worker"), "1 worker");
  assert.equal(count(2, "worker"), "2 workers");
  assert.equal(count(1, "entry", "entries"), "1 entry");
  assert.equal(count(1.5, "worker serves", "workers serve"), "1.5 workers serve");
});

test("no message counts by itself", () => {
  const found = globSync("src/**/*.ts", { cwd: root }).flatMap((file) =>
    readFileSync(join(root, file), "utf8")
      .split("\n")
      .flatMap((line, i) => (BY_HAND.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : [])),
  );
  assert.deepEqual(found, []);
});
