/**
 * `npm run test:k6`: the real k6 runs an exported scenario against a server that notes what it gets. Exits with 1 if anything is missing.
 *
 * Outside CI: k6 is built from its source if it is missing, which takes some minutes.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { installK6, k6Binary } from "../../../bench/generators/k6.ts";
import { exportK6, readScenario } from "../../../src/tune/scenario/scenario.ts";

const BINARY = Uint8Array.from({ length: 256 }, (_, byte) => byte);
const scenario = readScenario({
  headers: { "x-all": "yes" },
  setup: [
    {
      method: "POST",
      path: "/login",
      body: { user: "a" },
      expect: 201,
      capture: { token: "json:$.data.items[0].token", sid: "cookie:sid", csrf: "header:x-csrf" },
    },
  ],
  requests: [
    { path: "/orders?a=1&b={{sid}}", weight: 9, headers: { authorization: "Bearer {{token}}", "x-csrf": "{{csrf}}" } },
    { method: "POST", path: "/bytes", body: BINARY, expect: [404] },
  ],
});

const seen = new Map<string, number>();
const note = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1);

async function textOf(request: IncomingMessage): Promise<string> {
  const { method, url, headers } = request;
  const body = await buffer(request);
  const shown = Buffer.compare(body, BINARY) === 0 ? "<all bytes>" : body.toString();
  const fields = [headers["x-all"], headers.authorization, headers["x-csrf"], headers["content-type"], shown];
  return [method, url, ...fields.filter((field) => field !== undefined && field !== "")].join(" ");
}

const server = createServer((request, response) => {
  void textOf(request).then((text) => {
    note(text);
    response.statusCode = request.url === "/login" ? 201 : request.url === "/bytes" ? 404 : 200;
    response.setHeader("x-csrf", "c3").setHeader("set-cookie", ["other=1; Path=/", "sid=s2; Path=/; HttpOnly"]);
    response.end(JSON.stringify({ data: { items: [{ token: "t1" }] } }));
  });
});

const installed = await installK6();
if (!installed.available) throw new Error(`k6 is missing: ${installed.reason}`);
await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
const folder = mkdtempSync(join(tmpdir(), "heddle-k6-"));
try {
  const [script, summary] = [join(folder, "script.js"), join(folder, "summary.json")];
  const stages = [
    { concurrency: 3, seconds: 2 },
    { rate: 50, seconds: 2 },
  ];
  writeFileSync(script, exportK6(scenario, stages, { baseUrl: "http://127.0.0.1:1" }));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const args = ["run", "--quiet", "--summary-export", summary, "-e", `BASE_URL=${url}`, script];
  const k6 = spawn(k6Binary, args, { stdio: ["ignore", "inherit", "inherit"], timeout: 120_000 });
  const [code] = (await once(k6, "exit")) as [number | null];
  assert.equal(code, 0, "k6 failed");
  const { metrics } = JSON.parse(readFileSync(summary, "utf8")) as {
    readonly metrics: Readonly<Record<string, Readonly<Record<string, number>>>>;
  };
  const login = `POST /login yes application/json {"user":"a"}`;
  const orders = "GET /orders?a=1&b=s2 yes Bearer t1 c3";
  const bytes = "POST /bytes yes application/octet-stream <all bytes>";
  assert.deepEqual(new Set(seen.keys()), new Set([login, orders, bytes]));
  assert.equal(seen.get(login), 1);
  const [many = 0, few = 0] = [seen.get(orders), seen.get(bytes)];
  assert.ok(Math.abs(few / (many + few) - 0.1) < 0.05, `${few} of ${many + few}`);
  assert.ok(many + few >= 100, `${many + few} requests`);
  // An expected 404 is no failure.
  assert.equal(metrics["http_req_failed"]?.["passes"], 0);
  assert.equal(metrics["checks"]?.["fails"], 0);
  console.log(`k6 ${installed.version} sent all of it: ${many + few} requests`);
} finally {
  rmSync(folder, { recursive: true });
  server.close().closeAllConnections();
}
