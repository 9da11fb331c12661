import assert from "node:assert/strict";
import { test } from "node:test";
import { renderReport } from "../../../../src/tune/report/page/page.ts";
import { all } from "../fixtures/results.ts";

for (const [name, result] of Object.entries(all)) {
  test(`the page of ${name} has one script and no address of another file`, () => {
    const page = renderReport(result);
    assert.equal(page.match(/<script/g)?.length, 1);
    assert.doesNotMatch(page, /\b(?:src|href)="(?!data:,")/);
    assert.doesNotMatch(page, /NaN|undefined|Infinity/);
  });
}
