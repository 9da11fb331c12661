import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { lookupsOf, pathNamed } from "../../../../src/server/app/load/lookups.ts";

const parent = "file:///srv/app/src/main.ts";

describe("where a module is looked for", () => {
  test("is one file for an import with a path, as it is written", () => {
    assert.deepEqual(lookupsOf("./lib/x.ts", parent, false), ["/srv/app/src/lib/x.ts"]);
    assert.deepEqual(lookupsOf("../x", parent, false), ["/srv/app/x"]);
    assert.deepEqual(lookupsOf("/abs/x.js", parent, false), ["/abs/x.js"]);
    assert.deepEqual(lookupsOf("file:///abs/a%20b.js?v=1", parent, false), ["/abs/a b.js"]);
    assert.deepEqual(lookupsOf(".", parent, false), ["/srv/app/src/"]);
  });

  test("is that with the endings that require tries", () => {
    assert.deepEqual(lookupsOf("./x", parent, true), [
      "/srv/app/src/x",
      "/srv/app/src/x.js",
      "/srv/app/src/x.json",
      "/srv/app/src/x.node",
      "/srv/app/src/x/index.js",
      "/srv/app/src/x/package.json",
    ]);
  });

  test("is the packages' folder of every folder upwards for a bare name", () => {
    const inAll = (name: string): string[] =>
      ["/srv/app/src", "/srv/app", "/srv", ""].map((folder) => `${folder}/node_modules/${name}/package.json`);
    assert.deepEqual(lookupsOf("pkg", parent, false), inAll("pkg"));
    assert.deepEqual(lookupsOf("pkg/deep/x.js", parent, true), inAll("pkg"));
    assert.deepEqual(lookupsOf("@scope/pkg/x", parent, false), inAll("@scope/pkg"));
    assert.deepEqual(lookupsOf("pkg", "file:///a/node_modules/other/x.js", false), [
      "/a/node_modules/other/node_modules/pkg/package.json",
      "/a/node_modules/pkg/package.json",
      "/node_modules/pkg/package.json",
    ]);
  });

  test("is nowhere for what is no file: builtins' scheme, data, names within a package", () => {
    for (const name of ["node:fs", "data:text/javascript,1", "#internal", "https://x/y.js", "file://host/x.js", ""]) {
      assert.deepEqual(lookupsOf(name, parent, false), [], name);
    }
    assert.equal(pathNamed("pkg", parent), undefined);
    assert.equal(pathNamed("./a%2Fb.js", parent), undefined);
  });
});
