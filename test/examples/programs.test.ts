/** The examples that are plain programs: each runs, ends by itself, and prints what its README shows. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { fences, pages, root } from "./documents.ts";

const run = promisify(execFile);

for (const page of pages()) {
  const folder = /^(examples\/[^/]+)\/README\.md$/.exec(page.file)?.[1];
  const shown = fences(page).find(({ language }) => language === "text")?.code;
  if (folder === undefined || shown === undefined || !page.text.includes("node main.ts")) continue;
  test(`${folder} says what its README shows`, async () => {
    const { stdout } = await run(process.execPath, ["main.ts"], { cwd: join(root, folder), timeout: 60_000 });
    assert.equal(stdout, shown);
  });
}
