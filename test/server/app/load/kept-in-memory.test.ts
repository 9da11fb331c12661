import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { packageOf, warningsAbout } from "../../../../src/server/app/load/kept-in-memory.ts";
import { serve, tempFolder } from "../../arbiter/support.ts";

describe("what packages keep in memory", () => {
  test("is told of each package that is known, if there are several copies of the app", () => {
    assert.deepEqual(warningsAbout(["node-cron", "express"], 1), []);
    assert.deepEqual(warningsAbout(["express", "constructor"], 4), []);
    const [session, cron, ...more] = warningsAbout(["node-cron", "express", "express-session"], 4);
    assert.match(session!, /^the app has 4 copies\. express-session: .*store over heddle\/shared/);
    assert.match(cron!, /^the app has 4 copies\. node-cron: .*isFirst/);
    assert.deepEqual(more, []);
  });

  test("is no fault where a client's requests reach the same copy", () => {
    assert.match(warningsAbout(["socket.io"], 4)[0]!, /Set --sticky cookie/);
    assert.match(warningsAbout(["express-session"], 4)[0]!, /or set --sticky cookie/);
    const [rooms, ...more] = warningsAbout(["express-session", "socket.io"], 4, true);
    assert.match(rooms!, /^the app has 4 copies\. socket\.io: .*adapter over heddle\/shared/);
    assert.deepEqual(more, []);
  });

  test("is known by the package of a file", () => {
    assert.equal(packageOf("/srv/node_modules/node-cron/dist/index.js"), "node-cron");
    assert.equal(packageOf("/srv/node_modules/@scope/name/index.js"), "@scope/name");
    assert.equal(packageOf("/srv/node_modules/.pnpm/cron@4/node_modules/cron/a.js"), "cron");
    assert.equal(packageOf("/srv/app.ts"), undefined);
  });

  for (const [shape, copies] of [
    [["-w", "2", "-t", "1"], 2],
    [["-t", "3"], 3],
    [["-w", "1", "-t", "1"], 0],
    [["-m", "threads", "-t", "2"], 2],
  ] as const) {
    test(`is logged once for ${copies} copies (${shape.join(" ")})`, async (t) => {
      const folder = tempFolder(t, {
        "app.mjs": 'import "node-cron";\nimport "express";\nexport default (req, res) => res.end("ok");',
        "node_modules/node-cron/index.js": "",
        "node_modules/express/index.js": 'require("cron");',
        "node_modules/cron/index.js": "",
      });
      const server = await serve(t, join(folder, "app.mjs"), shape);
      await server.stop();
      const told = server.stderr().match(/the app has \d copies\. [\w-]+/g) ?? [];
      assert.deepEqual(told, copies === 0 ? [] : [`the app has ${copies} copies. node-cron`]);
    });
  }
});
