import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runnableModels } from "../../../src/tune/probe/runnable-models.ts";

const cwd = fileURLToPath(new URL("../../..", import.meta.url));

test("an app with a server of its own that speaks HTTP/2 runs on loop alone, and the reason is told", async () => {
  const app = { args: ["test/fixtures/tune/speaks-http2.ts"], cwd };
  const { models, refused } = await runnableModels(app, { models: ["threads", "loop"] });
  assert.deepEqual(models, ["loop"]);
  assert.deepEqual(
    refused.map(({ model }) => model),
    ["threads"],
  );
  assert.match(refused[0]!.why, /speaks HTTP\/2, which only the model loop serves/);
});

test("an app that can't be loaded runs on no model", async () => {
  const app = { args: ["test/fixtures/tune/dies-at-import.ts"], cwd };
  const { models, refused } = await runnableModels(app, { models: ["loop"] });
  assert.deepEqual(models, []);
  assert.match(refused[0]!.why, /importing the app failed.*no database/);
});

test("the question is given up when that is asked for", async () => {
  const app = { args: ["test/fixtures/tune/holds.ts"], cwd };
  const reason = new Error("enough");
  await assert.rejects(runnableModels(app, { signal: AbortSignal.abort(reason) }), reason);
});
