import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { tune } from "../../../src/tune/run/tune.ts";
import { parsePath } from "../../../src/tune/scenario/scenario.ts";
import { tempFolder } from "../../server/arbiter/support.ts";

const ONE_LOOP = { model: "loop", workers: 1, threads: 1 };

test("a budget that is over before anything is measured is told, with what would be right", async (t) => {
  const folder = tempFolder(t, { "app.mjs": 'export default { fetch: () => new Response("ok") };' });
  const answer = tune({
    subject: { app: { args: [join(folder, "app.mjs")], cwd: folder }, configured: ONE_LOOP },
    name: "app.mjs",
    scenario: { requests: [parsePath("/")], setup: [] },
    budgetMs: 1,
    isFixed: true,
    shapes: [],
    models: [],
  });
  await assert.rejects(answer, {
    code: "TUNE_NO_TIME",
    exitCode: 1,
    message: /within --budget .*Give it a longer one\.$/,
  });
});
