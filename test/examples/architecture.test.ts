/** The files and link targets that the pages name exist. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { pages, root } from "./documents.ts";

/** Written by benchmark runs, which a checkout need not have had. */
const RESULTS = "bench/results/";

for (const { file, text } of pages()) {
  test(`${file}: every file of src/ it names exists`, () => {
    const named = [...text.matchAll(/\bsrc\/[\w./-]*[\w/]/g)].map(([path]) => path);
    const missing = named.filter((path) => !existsSync(join(root, path)));
    assert.deepEqual(missing, []);
  });

  test(`${file}: every link to a file leads somewhere`, () => {
    const links = [...text.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)].map(([, link]) => link!);
    const files = links.filter((link) => !/^\w+:/.test(link)).map((link) => join(dirname(file), link));
    const missing = files.filter((path) => !path.startsWith(RESULTS) && !existsSync(join(root, path)));
    assert.deepEqual(missing, []);
  });
}
