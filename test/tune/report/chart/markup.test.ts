import assert from "node:assert/strict";
import { test } from "node:test";
import { markup, trusted } from "../../../../src/tune/report/chart/markup.ts";

test("a text cannot end an element or an attribute", () => {
  assert.equal(
    markup`<a title="${`"'><b>&`}">${"</a>"}</a>`.text,
    `<a title="&quot;&#39;&gt;&lt;b&gt;&amp;">&lt;/a&gt;</a>`,
  );
});

test("markup in markup is not escaped again, in lists neither", () => {
  assert.equal(
    markup`<ul>${["a", "<"].map((each) => markup`<li>${each}</li>`)}</ul>`.text,
    "<ul><li>a</li><li>&lt;</li></ul>",
  );
});

test("nothing is written for what is absent", () => {
  assert.equal(markup`<p>${undefined}${false}${[]}${trusted("")}</p>`.text, "<p></p>");
});

test("coordinates are rounded to two places", () => {
  assert.equal(markup`${1 / 3} ${2} ${-0.001}`.text, "0.33 2 0");
});

test("controls and marks of direction are shown as codes: XML forbids the ones, the others reorder a page", () => {
  assert.equal(markup`${"a\u0000\u001b[2J\u202eb"}`.text, "a\\u0000\\u001b[2J\\u202eb");
});
