import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { loadScenario, readScenario } from "../../../src/tune/scenario/scenario.ts";

const folder = mkdtempSync(join(tmpdir(), "heddle-scenario-"));
after(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

describe("a scenario file", () => {
  it("is JSON, with body files beside it", async () => {
    write("body.csv", "a,b");
    const file = write(
      "scenario.json",
      JSON.stringify({
        headers: { Authorization: "Bearer {{token}}" },
        setup: [
          { method: "POST", path: "/login", headers: { authorization: "Basic x" }, capture: { token: "json:token" } },
        ],
        requests: [
          "/orders",
          { path: "/orders/{{token}}", weight: 0.5, expect: ["2xx", 404, 101], name: "one order" },
          { method: "post", path: "/import", bodyFile: "body.csv", headers: { "Content-Type": "text/x-csv" } },
          { method: "POST", path: "/orders", body: { item: 1 } },
          "POST /text=hello",
        ],
      }),
    );
    const { requests, setup } = await loadScenario(file);
    assert.equal(setup[0]?.headers["authorization"], "Basic x");
    assert.deepEqual(setup[0]?.capture, { token: { json: "token" } });
    const brief = requests.map(({ name, method, path, weight, headers, body }) => [
      name,
      method,
      path,
      weight,
      headers["content-type"],
      body === undefined ? body : Buffer.from(body).toString(),
    ]);
    assert.deepEqual(brief, [
      ["GET /orders", "GET", "/orders", 1, undefined, undefined],
      ["one order", "GET", "/orders/{{token}}", 0.5, undefined, undefined],
      ["POST /import", "POST", "/import", 1, "text/x-csv", "a,b"],
      ["POST /orders", "POST", "/orders", 1, "application/json", `{"item":1}`],
      ["POST /text", "POST", "/text", 1, "text/plain; charset=utf-8", "hello"],
    ]);
    for (const { headers } of requests) assert.equal(headers["authorization"], "Bearer {{token}}");
    assert.deepEqual(requests[0]?.expect, ["2xx", "3xx"]);
    assert.deepEqual(requests[1]?.expect, ["2xx", 404, 101]);
  });

  it("has the path as it is beside a method, also with what would begin a body in a few words", () => {
    const paths = ["/odata/Products(ID=5)", "/search?filter=[1]", "/items?id={{id}}", "/kv/a={1}"];
    const { requests } = readScenario({
      setup: [{ path: "/", capture: { id: "json:id" } }],
      requests: paths.map((path) => ({ method: "PUT", path, body: { a: 1 } })),
    });
    assert.deepEqual(
      requests.map(({ path, body }) => [path, Buffer.from(body!).toString()]),
      paths.map((path) => [path, '{"a":1}']),
    );
    for (const [method, path] of [
      ["PO(ST", "/"],
      ["PUT", "orders"],
      ["PUT", "/a b"],
    ] as const) {
      assert.throws(() => readScenario({ requests: [{ method, path }] }), { code: "TUNE_SCENARIO_BAD" });
    }
  });

  it("has headers of all requests, which setup requests leave out until their values are captured", () => {
    const { setup, requests } = readScenario({
      headers: { authorization: "Bearer {{token}}", "x-tenant": "{{tenant}}", "x-load": "1" },
      setup: [
        { path: "/tenant", capture: { tenant: "json:id" } },
        { method: "POST", path: "/login", capture: { token: "json:token" } },
        "/warm",
      ],
      requests: ["/orders"],
    });
    const names = [...setup, ...requests].map(({ headers }) => Object.keys(headers));
    const all = ["authorization", "x-tenant", "x-load"];
    assert.deepEqual(names, [["x-load"], ["x-tenant", "x-load"], all, all]);
    assert.throws(() => readScenario({ headers: { a: "{{token}}" }, setup: ["/login"], requests: ["/"] }), {
      code: "TUNE_SCENARIO_BAD",
      message: /\{\{token\}\} in GET \/ /,
    });
  });

  it("may be the one that the guide shows", () => {
    const guide = readFileSync(new URL("../../../docs/guide/tuning.md", import.meta.url), "utf8");
    const [, json = ""] = /```json\n(.*?)```/s.exec(guide) ?? [];
    const { setup, requests } = readScenario(JSON.parse(json));
    assert.deepEqual([setup.length, requests.length], [1, 2]);
  });

  it("may be a module", async () => {
    const file = write("scenario.ts", `export default { requests: ["/" + "a" as string] };`);
    assert.equal((await loadScenario(file)).requests[0]?.path, "/a");
  });

  it("is refused if it can't be read", async () => {
    await assert.rejects(loadScenario(join(folder, "none.json")), /scenario file .*none\.json can't be read: ENOENT/);
    await assert.rejects(loadScenario(write("bad.json", "{")), /bad\.json can't be read/);
    await assert.rejects(loadScenario(write("throws.mjs", "throw new Error('no')")), /throws\.mjs can't be read: no/);
  });
});

describe("a scenario", () => {
  const request = { path: "/" };
  const refusals: readonly [what: string, scenario: unknown, message: RegExp][] = [
    ["is no object", [], /^the top of the scenario is \[\]: wanted an object\.$/],
    [
      "has an unknown field",
      { request: [] },
      /^the top\.request of the scenario is 'request': wanted requests, or another of/,
    ],
    [
      "has no requests",
      { requests: [] },
      /^requests of the scenario is \[\]: wanted a list of at least one request\.$/,
    ],
    [
      "has no path",
      { requests: [{ method: "GET" }] },
      /^requests\[0\]\.path of the scenario is nothing: wanted a path/,
    ],
    ["misspells a field", { requests: [{ path: "/", wieght: 2 }] }, /requests\[0\]\.wieght .* wanted weight/],
    [
      "has a weight of 0",
      { requests: [{ path: "/", weight: 0 }] },
      /requests\[0\]\.weight .* 0: wanted a number above 0/,
    ],
    [
      "has a bad header",
      { requests: [{ path: "/", headers: { a: "b\r\nc: d" } }] },
      /headers\.a .* a text in one line/,
    ],
    [
      "has a bad header's name",
      { requests: [request], headers: { "a b": "c" } },
      /headers .* 'a b': wanted names of headers/,
    ],
    ["expects no status", { requests: [{ path: "/", expect: "fine" }] }, /requests\[0\]\.expect .* wanted a status/],
    [
      "expects an interim status",
      { requests: [{ path: "/", expect: 100 }] },
      /requests\[0\]\.expect .* wanted a status/,
    ],
    ["has two bodies", { requests: [{ path: "/", body: "a", bodyFile: "b" }] }, /bodyFile .* and no body beside it/],
    [
      "captures in a request",
      { requests: [{ path: "/", capture: { a: "json:a" } }] },
      /captures in setup requests only/,
    ],
    [
      "captures from nowhere",
      { requests: [request], setup: [{ path: "/", capture: { a: "body:a" } }] },
      /setup\[0\]\.capture\.a .* wanted "json:path\.to\.value", "header:name" or "cookie:name"/,
    ],
    [
      "uses what nothing captures",
      { requests: ["/{{id}}"] },
      /^\{\{id\}\} in GET \/\{\{id\}\} .* wanted a setup request that captures it/,
    ],
    [
      "has a body with a placeholder of its own, without saying so",
      { requests: [{ method: "POST", path: "/", body: "{{id}}" }] },
      /\{\{id\}\} in POST \/ .* captures it, or "literalBody": true/,
    ],
    [
      "says neither yes nor no",
      { requests: [{ path: "/", body: "", literalBody: "yes" }] },
      /requests\[0\]\.literalBody .* 'yes': wanted true/,
    ],
    [
      "uses a value before it is captured",
      { requests: [request], setup: ["/{{id}}", { path: "/", capture: { id: "json:id" } }] },
      /\{\{id\}\} in GET/,
    ],
  ];
  for (const [what, scenario, message] of refusals) {
    it(`is refused when it ${what}`, () => {
      assert.throws(
        () => readScenario(scenario),
        (error: Error & { code?: string }) => {
          assert.match(error.message, message);
          return error.code === "TUNE_SCENARIO_BAD";
        },
      );
    });
  }
});
