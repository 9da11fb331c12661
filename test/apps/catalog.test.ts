import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { loadCatalog } from "./catalog.ts";
import { versions } from "./page.ts";
import { isExact, notApplicable } from "./record.ts";

const catalog = await loadCatalog();

test("each application has exact versions, a name of its own, and requests that differ by their names", () => {
  assert.equal(new Set(catalog.map(({ name }) => name)).size, catalog.length);
  for (const { name, packages, requests, load } of catalog) {
    for (const version of Object.values(packages)) assert.ok(isExact(version), `${name}: ${version}`);
    const names = requests.map((each) => each.name);
    assert.equal(new Set(names).size, names.length, name);
    assert.ok(load === undefined || names.includes(load), `${name}: load`);
  }
});

test("each application writes that its cleanup has run, or says why it has none", () => {
  for (const app of catalog) {
    const writes = Object.values(app.files).some((text) => text.includes("CLEANUP_FILE"));
    assert.ok(writes || notApplicable(app, "stop") !== undefined, app.name);
  }
});

test("an exception is about requests that the application has", () => {
  for (const { name, requests, exceptions = [] } of catalog) {
    for (const { requests: about = [] } of exceptions) {
      for (const each of about)
        assert.ok(
          requests.some((request) => request.name === each),
          `${name}: ${each}`,
        );
    }
  }
});

test("the compatibility page has each application, with its versions", () => {
  const page = readFileSync(new URL("../../docs/reference/compatibility.md", import.meta.url), "utf8");
  for (const app of catalog) assert.ok(page.includes(`| ${app.name} | ${versions(app)} |`), app.name);
});
