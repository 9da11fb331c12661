/** The script runs here with modules in place of k6's own. The real k6 runs it in test/tune/k6/main.ts, outside CI. */
import assert from "node:assert/strict";
import { registerHooks } from "node:module";
import { describe, it } from "node:test";
import { exportK6, type K6Stage } from "../../../src/tune/scenario/k6.ts";
import { readScenario, type Scenario } from "../../../src/tune/scenario/scenario.ts";

interface Sent {
  readonly method: string;
  readonly url: string;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
  readonly expected: readonly unknown[];
}

interface Script {
  readonly options: {
    readonly scenarios: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    readonly noConnectionReuse: boolean;
  };
  readonly setup: () => Record<string, string>;
  readonly default: (captured: Record<string, string>) => void;
}

const sent: Sent[] = [];
const checks: boolean[] = [];
const ANSWER = {
  status: 200,
  headers: { "X-Csrf": "c3" },
  cookies: { sid: [{ value: "" }, { value: "s2" }] },
  json: (path: string): unknown => (path === "missing" ? undefined : path === "user" ? { id: 7 } : `json of ${path}`),
};
Object.assign(globalThis, {
  __ENV: {},
  k6Stub: {
    check: (_: unknown, each: Record<string, () => boolean>) => checks.push(...Object.values(each).map((is) => is())),
    b64decode: (text: string) => Uint8Array.from(Buffer.from(text, "base64")).buffer,
    expectedStatuses: (...statuses: unknown[]) => statuses,
    request: (method: string, url: string, body: unknown, params: Record<string, unknown>) => {
      const { headers, responseCallback } = params as { headers: Record<string, string>; responseCallback: unknown[] };
      sent.push({ method, url, body, headers, expected: responseCallback });
      return ANSWER;
    },
  },
});

const STUBS: Readonly<Record<string, string>> = {
  k6: "export const check = globalThis.k6Stub.check;",
  "k6/encoding": "export const b64decode = globalThis.k6Stub.b64decode;",
  "k6/http": "export default globalThis.k6Stub;",
};
registerHooks({
  resolve: (specifier, context, next) => {
    const stub = STUBS[specifier];
    return stub === undefined ? next(specifier, context) : { url: `data:text/javascript,${stub}`, shortCircuit: true };
  },
});

async function load(scenario: Scenario, stages: readonly K6Stage[], perRequest = false): Promise<Script> {
  const connections = perRequest ? "per-request" : "keep-alive";
  const text = exportK6(scenario, stages, { baseUrl: "http://h:1", connections });
  sent.length = 0;
  checks.length = 0;
  return (await import(`data:text/javascript,${encodeURIComponent(text)}`)) as Script;
}

describe("the export to k6", () => {
  it("has the stages one after the other, closed and open", async () => {
    const stages = [
      { concurrency: 4, seconds: 10 },
      { rate: 50, seconds: 5 },
      { rate: 2.5, maxConnections: 7, seconds: 5 },
    ];
    const { options } = await load(readScenario({ requests: ["/"] }), stages, true);
    const gracefulStop = "30s";
    assert.deepEqual(options.scenarios, {
      stage_1_4_clients: { executor: "constant-vus", vus: 4, startTime: "0s", duration: "10s", gracefulStop },
      stage_2_50_per_second: {
        executor: "constant-arrival-rate",
        rate: 50,
        timeUnit: "1s",
        preAllocatedVUs: 100,
        maxVUs: 10_000,
        startTime: "10s",
        duration: "5s",
        gracefulStop,
      },
      stage_3_2_5_per_second: {
        executor: "constant-arrival-rate",
        rate: 150,
        timeUnit: "1m",
        preAllocatedVUs: 7,
        maxVUs: 7,
        startTime: "15s",
        duration: "5s",
        gracefulStop,
      },
    });
    assert.equal(options.noConnectionReuse, true);
  });

  it("sends setup requests first, and what they captured afterwards", async () => {
    const capture = { token: "json:$.data.items[0].token", sid: "cookie:sid", csrf: "header:x-csrf" };
    const setup = [{ method: "POST", path: "/login", body: { user: "a" }, expect: [200, "3xx"], capture }];
    const headers = { cookie: "sid={{sid}}", "x-csrf": "{{csrf}}" };
    const requests = [{ method: "PUT", path: "/items/{{sid}}", headers, body: "{{token}}", expect: "2xx" }];
    const script = await load(readScenario({ setup, requests }), [{ concurrency: 1, seconds: 1 }]);
    script.default(script.setup());
    assert.deepEqual(sent, [
      {
        method: "POST",
        url: "http://h:1/login",
        body: `{"user":"a"}`,
        headers: { "content-type": "application/json" },
        expected: [200, { min: 300, max: 399 }],
      },
      {
        method: "PUT",
        url: "http://h:1/items/s2",
        body: "json of data.items.0.token",
        headers: { "content-type": "text/plain; charset=utf-8", cookie: "sid=s2", "x-csrf": "c3" },
        expected: [{ min: 200, max: 299 }],
      },
    ]);
    assert.deepEqual(checks, [true]);
  });

  it("captures what heddle captures, and ends where there is nothing to capture", async () => {
    const captured = async (from: string): Promise<string | undefined> => {
      const setup = [{ path: "/login", capture: { it: from } }];
      return (await load(readScenario({ setup, requests: ["/{{it}}"] }), [])).setup()["it"];
    };
    assert.equal(await captured("json:user"), '{"id":7}');
    assert.equal(await captured("json:$id"), "json of $id");
    assert.equal(await captured("json:$[0].@type"), "json of 0.\\@type");
    for (const from of ["json:missing", "header:missing", "cookie:missing"]) {
      await assert.rejects(captured(from), /GET \/login has nothing to capture as it: .*missing/, from);
    }
  });

  it("keeps the bytes of a body that is no text, and sends none where there is none", async () => {
    const bytes = Uint8Array.from([0, 255, 34, 92]);
    const binary = await load(readScenario({ requests: [{ method: "POST", path: "/", body: bytes }] }), []);
    binary.default({});
    assert.deepEqual(new Uint8Array(sent[0]?.body as ArrayBuffer), bytes);
    const none = await load(readScenario({ requests: [{ path: "/", expect: 404 }] }), []);
    none.default({});
    assert.equal(sent[0]?.body, null);
    assert.deepEqual(checks, [false]);
  });

  it("sends a literal body as it is", async () => {
    const setup = [{ path: "/login", capture: { sid: "cookie:sid" } }];
    const requests = [{ method: "POST", path: "/{{sid}}", body: "{{sid}} {{user}}", literalBody: true }];
    const script = await load(readScenario({ setup, requests }), []);
    script.default(script.setup());
    assert.deepEqual([sent[1]?.url, sent[1]?.body], ["http://h:1/s2", "{{sid}} {{user}}"]);
  });

  it("sends each request about as often as its weight says", async () => {
    const script = await load(readScenario({ requests: [{ path: "/a", weight: 3 }, "/b"] }), []);
    for (let index = 0; index < 4000; index++) script.default({});
    const share = sent.filter(({ url }) => url.endsWith("/a")).length / 4000;
    assert.ok(Math.abs(share - 0.75) < 0.05, String(share));
  });
});
