import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { renderReport } from "../../../../src/tune/report/page/page.ts";
import { COLOURS } from "../../../../src/tune/report/chart/style.ts";
import {
  all,
  cliff,
  elsewhere,
  hostile,
  inconclusive,
  notReached,
  saturated,
  severalModels,
  withSamplesLeftOut,
} from "../fixtures/results.ts";
import { type Element, everyOf, find, parse, textOf } from "../support/elements.ts";

function byId(page: Element, id: string): Element | undefined {
  return everyOf(page).find(({ attributes }) => attributes["id"] === id);
}

function rowsOf(table: Element): string[][] {
  return find(find(table, "tbody")[0]!, "tr").map(({ children }) => children.map(textOf));
}

for (const [name, result] of Object.entries(all)) {
  const source = renderReport(result);
  const page = parse(source);

  test(`${name}: the page needs no other file and shows no value that is none`, () => {
    for (const { name: element, attributes } of everyOf(page)) {
      assert.ok(!["img", "iframe", "object", "embed", "base", "form", "a"].includes(element), element);
      for (const attribute of ["src", "href"]) {
        if (attributes[attribute] !== undefined) assert.equal(attributes[attribute], "data:,");
      }
      assert.ok(Object.keys(attributes).every((each) => !each.startsWith("on")));
    }
    assert.equal(find(page, "script").length, 1);
    assert.doesNotMatch(find(page, "style")[0]!.text, /url\(|@import/);
    assert.doesNotMatch(source, /NaN|undefined|Infinity|\[object/);
  });

  test(`${name}: the policy allows the page's own script and nothing else`, () => {
    const hash = createHash("sha256").update(find(page, "script")[0]!.text).digest("base64");
    const policy = find(page, "meta").find(({ attributes }) => attributes["http-equiv"] !== undefined)!;
    assert.match(policy.attributes["content"]!, /^default-src 'none';/);
    assert.ok(policy.attributes["content"]!.includes(`script-src 'sha256-${hash}'`));
  });

  test(`${name}: ids are unique, and what is referred to is there`, () => {
    const ids = everyOf(page).flatMap(({ attributes }) => attributes["id"] ?? []);
    assert.equal(new Set(ids).size, ids.length);
    const references = everyOf(page).flatMap(({ attributes }) => attributes["aria-labelledby"]?.split(" ") ?? []);
    assert.deepEqual(
      references.filter((each) => !ids.includes(each)),
      [],
    );
  });

  test(`${name}: each picture has a title and a description, each table a caption and named rows and columns`, () => {
    for (const chart of find(page, "svg", "chart")) {
      assert.equal(chart.attributes["role"], "img");
      assert.deepEqual(
        chart.children.slice(0, 2).map((each) => each.name),
        ["title", "desc"],
      );
    }
    for (const table of find(page, "table")) {
      assert.notEqual(textOf(find(table, "caption")[0]!), "");
      const heads = find(table, "th").filter(({ attributes }) => attributes["scope"] === "col");
      assert.ok(heads.every((head) => textOf(head) !== ""));
      for (const row of rowsOf(table)) assert.equal(row.length, heads.length);
    }
  });
}

test("the same result gives the same page", () => {
  assert.equal(renderReport(saturated), renderReport(structuredClone(saturated)));
});

test("a text that looks like markup is text, wherever it stands", () => {
  const page = parse(renderReport(hostile));
  const shown = textOf(page);
  const start = "</td></svg><script>alert(";
  /** The title, the heading, the shape, the reason twice, the route, a request, the machine, a note, errors. */
  assert.ok(shown.split(start).length > 20);
  assert.equal(find(page, "script").length, 1);
});

test("the answer is at the top: what to run, why, the knee with its interval, throughput, p95 and the target", () => {
  const [answer] = find(parse(renderReport(saturated)), "section");
  const text = textOf(answer!);
  for (const each of [
    "loop, 1 worker × 2 threads",
    "The handlers wait for 94 % of their time",
    "--workers 1",
    "34",
    "95 % interval 28 to 38",
    "3,194/s",
    "16 ms",
    "Target: p95 ≤ 50 ms",
  ]) {
    assert.ok(text.includes(each), each);
  }
});

test("a knee that was not reached is told as that, and no roof is drawn", () => {
  const page = parse(renderReport(notReached));
  const text = textOf(find(page, "section")[0]!);
  for (const each of ["> 8,192", "Not reached", "still rose at 8,192 requests in flight"])
    assert.ok(text.includes(each), each);
  assert.equal(find(page, "g", "knee").length + find(page, "g", "roof").length + find(page, "path", "hinge").length, 0);
});

test("an inconclusive measurement says why, and draws no knee", () => {
  const page = parse(renderReport(inconclusive));
  const text = textOf(find(page, "section")[0]!);
  for (const each of ["Inconclusive", "they differ by more than 25 %"]) assert.ok(text.includes(each), each);
  assert.equal(find(page, "g", "knee").length, 0);
});

test("a cliff is called one", () => {
  assert.match(textOf(find(parse(renderReport(cliff)), "section")[0]!), /Beyond it is a cliff/);
});

test("a server that runs elsewhere gets no recommendation", () => {
  const page = parse(renderReport(elsewhere));
  assert.match(textOf(find(page, "section")[0]!), /A server that runs elsewhere/);
  assert.equal(byId(page, "rules"), undefined);
});

test("several shapes stand side by side, in charts and in a table; one shape has nothing to be compared with", () => {
  const section = byId(parse(renderReport(severalModels)), "shapes")!;
  const rows = rowsOf(find(section, "table")[0]!);
  assert.deepEqual(
    rows.map(([name, most]) => [name!.split(",", 1)[0], most]),
    severalModels.shapes.map(({ shape, throughputMax }) => [
      shape.model,
      `${Math.round(throughputMax).toLocaleString("en")}/s`,
    ]),
  );
  const [wide] = find(section, "svg", "wide");
  assert.equal(find(wide!, "path", "line").length, severalModels.shapes.length);
  assert.equal(byId(parse(renderReport(saturated)), "shapes"), undefined);
});

test("lines that differ in colour differ in the form of their marks", () => {
  const [wide] = find(byId(parse(renderReport(severalModels)), "shapes")!, "svg", "wide");
  const forms = [1, 2, 3, 4, 5, 6].map((index) => {
    const mark = find(find(wide!, "g", `c${index}`)[0]!, "path", "dot")[0];
    return mark === undefined ? "circle" : mark.attributes["d"]!.replaceAll(/[-\d. ]+/g, "");
  });
  assert.ok(new Set(forms).size >= 4, forms.join(" "));
});

test("what a chart shows is in a table as well: each level, and each sample", () => {
  const page = parse(renderReport(withSamplesLeftOut));
  const levels = find(byId(page, "knee")!, "table")[0]!;
  assert.equal(rowsOf(levels).length, withSamplesLeftOut.levels.length);
  const samples = find(byId(page, "samples")!, "table")[0]!;
  assert.equal(rowsOf(samples).length, withSamplesLeftOut.levels.flatMap((level) => level.samples).length);
});

test("what was left out is told with its reason, number and levels", () => {
  const page = parse(renderReport(withSamplesLeftOut));
  const rows = rowsOf(find(byId(page, "trust")!, "table")[0]!);
  assert.deepEqual(rows[0], ["the load generator was saturated or late", "6", "256, 512"]);
  assert.equal(rows.length, 5);
  const text = textOf(byId(page, "knee")!);
  assert.match(text, /left out: no steady state \(Little's law does not hold\)/);
});

test("waiting that blocks the event loop is told apart", () => {
  const rows = rowsOf(find(byId(parse(renderReport(saturated)), "routes")!, "table")[0]!);
  assert.deepEqual(rows[1]!.slice(0, 4), ["POST /report", "41.3 ms", "13.1 ms", "9.7 ms"]);
});

/** WCAG 2.2, "relative luminance". */
function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

for (const theme of ["light", "dark"] as const) {
  test(`text has a contrast of 4.5 on both grounds, lines and marks one of 3, ${theme}`, () => {
    for (const ground of ["ground", "card"]) {
      for (const [name, colour] of Object.entries(COLOURS)) {
        const isText = ["text", "quiet", "accent", "knee", "target"].includes(name);
        if (!isText && !/^c\d$/.test(name)) continue;
        const [low, high] = [colour[theme], COLOURS[ground]![theme]].map(luminance).sort((a, b) => a - b);
        const contrast = (high! + 0.05) / (low! + 0.05);
        assert.ok(contrast >= (isText ? 4.5 : 3), `${name} on ${ground}: ${contrast.toFixed(2)}`);
      }
    }
  });
}
