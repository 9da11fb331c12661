import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { fixture } from "../server/arbiter/support.ts";
import { runHeddle, startServer } from "../support/server.ts";

const preload = new URL("../fixtures/node/heads-made-elsewhere.ts", import.meta.url);
const env = { NODE_OPTIONS: `--import=${fileURLToPath(preload)}` };

const told = new RegExp(
  `^heddle: Node ${RegExp.escape(process.version)} lacks what heddle uses of it: ServerResponse\\._storeHeader \\(.+\\)\\.\n` +
    "heddle supports Node >=26\\.6 <\\d+: ",
  "m",
);

suite("a Node that lacks something undocumented", () => {
  for (const workers of ["1", "2"]) {
    test(`is told of by name at boot with --workers ${workers}, and nothing is served`, async () => {
      const { code, stdout, stderr } = await runHeddle(["serve", fixture("hello.ts"), "-p", "0", "-w", workers], {
        env,
      });
      assert.equal(code, 1);
      assert.match(stderr, told);
      assert.equal(stdout, "");
    });
  }

  test("is told of by `heddle check`", async () => {
    const { code, stderr } = await runHeddle(["check", fixture("hello.ts")], { env });
    assert.equal(code, 1);
    assert.match(stderr, told);
  });
});

test("what this Node has not, and heddle does without, is told of once in the server's life", async () => {
  const env = { NODE_OPTIONS: "--no-experimental-ffi" };
  await using server = await startServer(fixture("hello.ts"), ["--workers", "2"], { env });
  server.signal("SIGHUP");
  await server.waitForLog(/generation 2: serving/);
  const lines = server
    .output(0)
    .split("\n")
    .filter((line) => line.includes("node:ffi"));
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /"level":40,.*has no node:ffi: each worker's main thread accepts for its serving threads/);
});
