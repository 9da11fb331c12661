import assert from "node:assert/strict";
import { test } from "node:test";
import { diffText } from "../../../src/tune/write/diff.ts";
import { editConfig, newConfig } from "../../../src/tune/write/edit-config.ts";

const wanted = { model: "threads", workers: 1, threads: 8 };

function edited(text: string): { readonly text: string; readonly conflicts: readonly string[] } {
  const edit = editConfig(text, wanted);
  assert.ok(edit.kind === "edited", text);
  const { text: after, conflicts } = edit;
  return { text: after, conflicts: conflicts.map(({ name, was, becomes }) => `${name}: ${was} → ${becomes}`) };
}

test("a project without a config file gets one", () => {
  assert.equal(
    newConfig(wanted),
    'import { defineConfig } from "heddle";\n\nexport default defineConfig({\n  model: "threads",\n  workers: 1,\n  threads: 8,\n});\n',
  );
});

test("fields that are missing are added behind the last one, and everything else stays", () => {
  const before = `import { defineConfig } from "heddle";

// Ours.
export default defineConfig({
  app: "app.ts", // the { app
  routes: {
    "GET /a": { timeout: "1s" }, /* , } */
  } // no comma
  // at the end
});
`;
  const { text, conflicts } = edited(before);
  assert.deepEqual(conflicts, []);
  assert.equal(
    text,
    before.replace(
      "  } // no comma\n  // at the end\n",
      '  }, // no comma\n  // at the end\n  model: "threads",\n  workers: 1,\n  threads: 8,\n',
    ),
  );
});

test("a value that the user wrote is a conflict, and only the value is replaced", () => {
  const { text, conflicts } = edited(
    "export default {\n    \"model\": 'loop', // why\n    workers: Number(process.env.N ?? 2),\n    threads: 8\n} satisfies UserConfig;\n",
  );
  assert.deepEqual(conflicts, [`model: 'loop' → "threads"`, "workers: Number(process.env.N ?? 2) → 1"]);
  assert.equal(
    text,
    'export default {\n    "model": "threads", // why\n    workers: 1,\n    threads: 8\n} satisfies UserConfig;\n',
  );
});

test("lines end as they do in the file", () => {
  const before = "export default {\r\n\tapp: 'a.ts', // ours\r\n} as const;\r\n";
  assert.equal(
    edited(before).text,
    before.replace("// ours\r\n", '// ours\r\n\tmodel: "threads",\r\n\tworkers: 1,\r\n\tthreads: 8,\r\n'),
  );
});

test("objects of one line, empty objects and shorthand fields are edited as well", () => {
  const all = 'model: "threads", workers: 1, threads: 8';
  assert.equal(edited('export default { app: "a.ts" };').text, `export default { app: "a.ts", ${all} };`);
  assert.equal(edited('export default { app: "a.ts", };').text, `export default { app: "a.ts", ${all} };`);
  assert.equal(edited("export default {};").text, `export default { ${all} };`);
  assert.equal(
    edited("export default defineConfig({\n});").text,
    'export default defineConfig({\n  model: "threads",\n  workers: 1,\n  threads: 8,\n});',
  );
  assert.equal(
    edited("export default { workers, model };").text,
    'export default { workers: 1, model: "threads", threads: 8 };',
  );
});

const withRoutes = { model: "loop", routes: { "GET /image": { model: "threads", threads: 2 } } };

test("an object that is there keeps its other fields, at any depth", () => {
  const before = `export default {
  routes: {
    // Ours.
    "GET /image": { timeout: "1s" },
    "/chat": { websocket: chat },
  },
  model: "loop",
};
`;
  const edit = editConfig(before, withRoutes);
  assert.ok(edit.kind === "edited");
  assert.deepEqual(edit.conflicts, []);
  assert.equal(edit.text, before.replace('"1s" }', '"1s", model: "threads", threads: 2 }'));
  const elsewhere = before.replace("GET /image", "GET /other");
  const added = editConfig(elsewhere, withRoutes);
  assert.ok(added.kind === "edited");
  assert.equal(
    added.text,
    elsewhere.replace("chat },\n", 'chat },\n    "GET /image": { model: "threads", threads: 2 },\n'),
  );
});

test("a value in an object that is there is a conflict by its whole name", () => {
  const before = 'export default { model: "loop", routes: { "GET /image": { model: "tasks", threads: 2 } } };';
  const edit = editConfig(before, withRoutes);
  assert.ok(edit.kind === "edited");
  assert.deepEqual(edit.conflicts, [{ name: 'routes["GET /image"]["model"]', was: '"tasks"', becomes: '"threads"' }]);
  assert.equal(edit.text, before.replace("tasks", "threads"));
});

test("routes that are no plain object are left alone, and those of an empty one are added", () => {
  for (const routes of ["ours", "{ ...ours }", "{ a: 1 } as Routes", "routesOf({})"]) {
    assert.equal(editConfig(`export default { routes: ${routes} };`, withRoutes).kind, "unknown-form", routes);
  }
  assert.equal(editConfig("const routes = {};\nexport default { routes };", withRoutes).kind, "unknown-form");
  const edit = editConfig("export default {\n  routes: {},\n};\n", withRoutes);
  assert.ok(edit.kind === "edited");
  assert.equal(
    edit.text,
    'export default {\n  routes: { "GET /image": { model: "threads", threads: 2 } },\n  model: "loop",\n};\n',
  );
});

test("a file that has all of it is not changed", () => {
  assert.equal(editConfig(newConfig(wanted), wanted).kind, "unchanged");
  assert.equal(editConfig(newConfig(withRoutes), withRoutes).kind, "unchanged");
});

test("a file of another form is left alone", () => {
  for (const text of [
    "const config = {};\nexport default config;\n",
    "export default defineConfig(base({ model: 1 }));\n",
    "export default { ...base };\n",
    "export default { app: 'a.ts', ...base };\n",
    'export default { ["model"]: "loop" };\n',
    "export default { app: `a.ts\n",
    "module.exports = {};\n",
  ]) {
    assert.equal(editConfig(text, wanted).kind, "unknown-form", text);
  }
});

test("brackets in strings, templates, comments and regular expressions are no brackets", () => {
  const before = 'export default {\n  a: "}", b: `}${1}`, // }\n  c: /[}/]/, d: [{ x: "," }],\n};\n';
  assert.equal(
    edited(before).text,
    before.replace("],\n};", '],\n  model: "threads",\n  workers: 1,\n  threads: 8,\n};'),
  );
});

test("a diff shows the changed lines with two lines around them", () => {
  const before = "a\nb\nc\nd\ne\nf\ng\nh\n";
  assert.equal(diffText(before, before.replace("d\n", "D\nD\n")), "  b\n  c\n- d\n+ D\n+ D\n  e\n  f");
  assert.equal(diffText(before, `${before.replace("a\n", "")}i\n`), "- a\n  b\n  c\n…\n  g\n  h\n+ i");
  assert.equal(diffText("", "a\n"), "+ a");
  assert.equal(diffText(before, before), "");
});
