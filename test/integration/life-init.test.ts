import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { fixture, get, until } from "../server/arbiter/support.ts";
import { leaveDescriptors } from "../support/descriptors.ts";
import { hasFfi } from "../support/ffi.ts";

const bin = fileURLToPath(new URL("../../bin/heddle.js", import.meta.url));
const UNSHARE = ["--pid", "--fork", "--mount-proc", "--kill-child"];
const isPermitted = spawnSync("unshare", [...UNSHARE, "true"]).status === 0;
const skip = isPermitted ? false : "this user may not make a process namespace (unshare --pid)";

interface Orphans {
  readonly zombies: number;
  readonly orphans: number;
}

test("as process 1 heddle reaps orphans and obeys signals", { skip }, async (t) => {
  const serve = [process.execPath, bin, "serve", fixture("orphans.ts"), "-p", "0", "-t", "1", "--control", "off"];
  const child = spawn("unshare", [...UNSHARE, ...serve], { stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => void child.kill("SIGKILL"));
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const [, url] = await until(() => /listening on (\S+)/.exec(output), "the server to listen");

  assert.equal((await get(url!, "/orphan")).body, "made");
  const seen = await until(async () => {
    const { zombies, orphans } = JSON.parse((await get(url!, "/orphans")).body) as Orphans;
    return orphans > 0 ? { zombies, orphans } : undefined;
  }, "the orphan to be adopted by process 1");
  assert.equal(seen.orphans, 1);
  if (hasFfi) {
    await until(async () => {
      const { zombies, orphans } = JSON.parse((await get(url!, "/orphans")).body) as Orphans;
      return zombies === 0 && orphans === 0;
    }, "the orphan to be reaped");
  } else {
    assert.match(output, /running as PID 1 without reaping orphans: this Node has no `node:ffi`/);
  }

  const one = Number((await get(url!, "/outside")).body);
  assert.equal(one, 1, "the arbiter is process 1");
  // unshare does not pass signals on; process 1 seen from here is its child.
  const [arbiter] = spawnSync("pgrep", ["-P", String(child.pid)], { encoding: "utf8" })
    .stdout.trim()
    .split("\n");
  await t.test("also without descriptors, when it can see no orphans", async () => {
    const restore = leaveDescriptors(Number(arbiter), 0);
    const sinceMs = performance.now();
    process.kill(Number(arbiter), "SIGHUP");
    await until(() => /generation 2 did not get ready: .*EMFILE/.test(output), "the reload to be refused");
    // It looks for orphans once a second, and tells nobody.
    await until(() => performance.now() > sinceMs + 1500, "a look");
    assert.equal((await get(url!, "/")).body, "init");
    restore();
  });
  process.kill(Number(arbiter), "SIGHUP");
  await until(() => /generation \d: serving/.test(output), "the reload");
  assert.equal((await get(url!, "/")).body, "init");
  process.kill(Number(arbiter), "SIGTERM");
  assert.deepEqual(await once(child, "exit"), [0, null]);
});
