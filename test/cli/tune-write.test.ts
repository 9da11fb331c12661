import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { ask } from "../../src/cli/tune-write.ts";

const CONFLICTS = [{ name: "workers", was: "7", becomes: "2" }];

async function answered(keys: string, isTTY = true): Promise<boolean> {
  const [input, output] = [new PassThrough(), new PassThrough()].map((stream) => Object.assign(stream, { isTTY }));
  const agreed = ask(CONFLICTS, "heddle.config.ts", { input: input!, output: output! });
  input!.write(keys);
  return await agreed;
}

test("the user agrees with y, and with nothing else", async () => {
  assert.equal(await answered("y\r"), true);
  assert.equal(await answered("Yes\r"), true);
  assert.equal(await answered("\r"), false);
  assert.equal(await answered("yo\r"), false);
});

test("Ctrl-C and Ctrl-D at the question are a no", async () => {
  assert.equal(await answered("\x03"), false);
  assert.equal(await answered("\x04"), false);
});

test("without a terminal nobody can agree", async () => {
  assert.equal(await answered("y\r", false), false);
});
