/** A Unix socket whose file others remove, as apps do before they listen and when they end. */

import assert from "node:assert/strict";
import fs, { closeSync, unlinkSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { bindUnixSocket } from "../../src/platform/unix-socket.ts";
import { tempFolder } from "../server/arbiter/support.ts";

test("a socket whose file is removed before it has its mode is bound again", async (t) => {
  const path = join(tempFolder(t, {}), "app.sock");
  const { chmodSync } = fs;
  let removals = 3;
  t.mock.method(fs, "chmodSync", (...args: Parameters<typeof chmodSync>) => {
    if (removals-- > 0) unlinkSync(path);
    chmodSync(...args);
  });
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  const socket = await bindUnixSocket(path, 0o640);
  t.after(() => closeSync(socket.fd));
  assert.ok(socket.isThere());
  assert.equal(socket.mode(), 0o640);
  assert.equal(removals, -1);
});

test("a socket whose file is removed each time fails", async (t) => {
  const path = join(tempFolder(t, {}), "app.sock");
  t.mock.method(fs, "chmodSync", () => {
    unlinkSync(path);
    throw Object.assign(new Error("gone"), { code: "ENOENT" });
  });
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  await assert.rejects(bindUnixSocket(path, 0o640), { code: "ENOENT" });
});
