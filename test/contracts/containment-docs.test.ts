/** The table in the guide matches what the tests inject and find. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type Contained, containment, type Fault, type Outcome } from "./containment.ts";

const page = readFileSync(new URL("../../docs/guide/9-crashes.md", import.meta.url), "utf8");

const names: Readonly<Record<Fault, string>> = {
  throw: "it throws",
  reject: "its promise rejects",
  overflow: "stack overflow",
  unhandled: "an earlier request left an unhandled rejection",
  timer: "an earlier request left a timer that throws",
  exit: "`process.exit()`",
  loop: "endless loop, past the timeout",
  heap: "heap exhausted",
  segfault: "native crash (SIGSEGV)",
};

/** As in the page, without the marks of its footnotes. */
function cell(model: Contained, { answer, ends, lost }: Outcome): string {
  const thread = model === "loop" || model === "actors" ? "serving thread" : "handler thread";
  return [
    answer === 200 ? "answered" : `${answer}`,
    ends === "request" || ends === "used up" ? "nothing" : ends === "thread" ? thread : ends,
    lost === "nobody" ? "nobody" : `all on that ${lost}`,
  ].join(" / ");
}

test("docs/guide/9-crashes.md shows every fault under every model as it is tested", () => {
  const models = Object.keys(containment) as Contained[];
  const expected = [
    ["Fault", ...models.map((model) => `\`${model}\``)],
    ...(Object.keys(names) as Fault[]).map((fault) => [
      names[fault],
      ...models.map((model) => cell(model, containment[model][fault])),
    ]),
  ];
  const shown = page
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| ---"))
    .map((line) =>
      line
        .slice(2, -2)
        .split(" | ")
        .map((text) => text.replaceAll(/ [¹²³⁴]/g, "")),
    );
  assert.deepEqual(shown, expected);
});
