import assert from "node:assert/strict";
import { test } from "node:test";
import { lineOfImport } from "../../../../src/server/app/load/error-place.ts";

const source = `// import "./gone.ts"
import a from "pkg/sub";
const b = require('./lib/gone');
import "pkgs";
`;

test("the line of an import is found by its package, its specifier or its file", () => {
  assert.equal(lineOfImport(source, "/app", "pkg"), 2);
  assert.equal(lineOfImport(source, "/app", "./lib/gone"), 3);
  assert.equal(lineOfImport(source, "/app", "/app/lib/gone"), 3);
});

test("a line that only looks like it, or a comment, is not taken", () => {
  assert.equal(lineOfImport(source, "/app", "pk"), undefined);
  assert.equal(lineOfImport(source, "/app", "/app/gone.ts"), undefined);
  assert.equal(lineOfImport(source, "/app", ""), undefined);
});
