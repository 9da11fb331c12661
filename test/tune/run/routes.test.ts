import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { test } from "node:test";
import type { Generator, LoadPlan } from "../../../src/tune/load/generator.ts";
import { afterSetup, type Bench, confirm, measureShape, runLoad } from "../../../src/tune/run/measure-shape.ts";
import { askRoutes, labelOf } from "../../../src/tune/run/routes.ts";
import { UNKNOWN_SHAPE } from "../../../src/tune/run/subject.ts";
import { readScenario } from "../../../src/tune/scenario/scenario.ts";
import type { Sample } from "../../../src/tune/types.ts";
import { http, refused } from "../load/servers.ts";
import { sampleOf } from "../support/levels.ts";

/** Its generator sends nothing. `errors`: of the answers to these requests. */
async function benchOf(
  scenario: unknown,
  errors: (plan: LoadPlan) => number = () => 0,
): Promise<Bench & { plans: LoadPlan[] }> {
  const plans: LoadPlan[] = [];
  const run = async (plan: LoadPlan): Promise<Sample> => {
    plans.push(plan);
    const bad = errors(plan);
    return { answers: 10 - bad, errors: bad, errorsByCause: bad === 0 ? {} : { 404: bad } } as unknown as Sample;
  };
  const target = await refused();
  const subject = { target, shape: UNKNOWN_SHAPE, isCoLocated: true, stop: async () => {} };
  return { generator: { run } as unknown as Generator, subject, scenario: readScenario(scenario), plans };
}

test("setup requests are sent once for all windows of a profile", async () => {
  let logins = 0;
  const target = await http((_request, response) => response.end(`{"token":"t${++logins}"}`));
  const setup = [{ method: "POST", path: "/login", capture: { token: "json:token" } }];
  const bench = await benchOf({ setup, requests: ["/{{token}}"] });
  const ready = await afterSetup({ ...bench, subject: { ...bench.subject, target } });
  for (let window = 0; window < 3; window++) await runLoad(ready, { concurrency: 1 }, { warmUpMs: 0, measureMs: 100 });
  assert.equal(logins, 1);
  assert.deepEqual(
    bench.plans.map(({ captured }) => captured),
    [{ token: "t1" }, { token: "t1" }, { token: "t1" }],
  );
});

test("setup requests are sent once for a sweep, and again after a window of errors, if that gives something", async () => {
  let logins = 0;
  const target = await http((_request, response) => {
    response.statusCode = ++logins < 3 ? 200 : 429;
    response.end(`{"token":"t${logins}"}`);
  });
  const setup = [{ method: "POST", path: "/login", capture: { token: "json:token" } }];
  const bench = await benchOf({ setup, requests: ["/{{token}}"] });
  const tokens: (string | undefined)[] = [];
  const run = async ({ captured, loop, repetition = 0 }: LoadPlan): Promise<Sample> => {
    tokens.push(captured?.["token"]);
    const concurrency = "concurrency" in loop ? loop.concurrency : 1;
    const answers = 100 * Math.min(4, concurrency);
    const isExpired = [4, 9].includes(tokens.length);
    const leftOut = isExpired ? ({ leftOut: "errors", errors: answers } as const) : {};
    return sampleOf(concurrency, 10, { repetition, answers, throughput: answers, ...leftOut });
  };
  const busy = { ...bench, generator: { run } as unknown as Generator, subject: { ...bench.subject, target } };
  const plan = { warmUpMs: 0, sweepMs: 60_000, rules: { repetitions: 2 } };
  const { sweep } = await measureShape(busy, plan, () => {});
  assert.equal(sweep.end, "flat");
  assert.deepEqual(tokens.slice(0, 4), ["t1", "t1", "t1", "t1"]);
  assert.deepEqual(new Set(tokens.slice(4)), new Set(["t2"]));
  assert.equal(logins, 3);
  await assert.rejects(confirm(busy, { knee: 4, throughput: 400 }, 500), /POST \/login was answered 429/);
});

test("a sweep ends when a server that runs elsewhere does not listen any more, and goes on with one that is restarted", async () => {
  const target = await refused();
  const bench = await benchOf({ requests: ["/"] });
  let windows = 0;
  let later: Server | undefined;
  const run = async ({ loop, repetition = 0 }: LoadPlan): Promise<Sample> => {
    windows++;
    const concurrency = "concurrency" in loop ? loop.concurrency : 1;
    const answers = 100 * Math.min(4, concurrency);
    const isGone = windows > 20 || windows === 4;
    if (windows === 4) later = createServer((socket) => socket.destroy()).listen(target.port, target.host);
    if (windows === 20) later?.close();
    if (!isGone) return sampleOf(concurrency, 10, { repetition, answers, throughput: answers });
    const nothing = { answers: 0, throughput: 0, errors: 5, errorsByCause: { refused: 5 }, leftOut: "errors" } as const;
    return sampleOf(concurrency, 10, { repetition, ...nothing });
  };
  const elsewhere = { ...bench, generator: { run } as unknown as Generator, subject: { ...bench.subject, target } };
  const { sweep } = await measureShape(elsewhere, { warmUpMs: 0, sweepMs: 60_000, rules: {} }, () => {});
  assert.equal(sweep.end, "failed");
  assert.match(String(sweep.error), /does not listen any more: for 3 s no connection to it could be made/);
  assert.equal(windows, 21);
  assert.equal(
    sweep.levels.flatMap(({ samples }) => samples).length,
    19,
    "but the first, which warms up, and the last",
  );
});

test("a route that only redirects is told, unless a redirect is expected", async () => {
  const target = await http(({ url, headers }, response) => {
    if (url === "/orders" && headers.authorization === undefined)
      response.writeHead(302, { location: "/login?next=1" });
    else if (url === "/logo") response.writeHead(304);
    response.end();
  });
  const requests = ["/orders", { path: "/old", expect: 302 }, { path: "/orders", expect: "3xx" }, "/logo", "/"];
  const asked = async (scenario: unknown): Promise<readonly string[]> => {
    const bench = await benchOf(scenario);
    return await askRoutes({ ...bench, subject: { ...bench.subject, target } }, "app.ts");
  };
  const [note, ...others] = await asked({ requests });
  assert.match(note!, /^GET \/orders is answered 302 with the location \/login\?next=1: /);
  assert.deepEqual(others, []);
  assert.deepEqual(await asked({ headers: { authorization: "x" }, requests: ["/orders"] }), []);
});

test("requests of one name are asked each by itself, and told apart by what they ask for", async () => {
  const isBad = ({ scenario }: LoadPlan): number => (scenario.requests[0]!.path.includes("b") ? 10 : 0);
  const bench = await benchOf(
    { requests: [{ path: "/search?q=a", weight: 9 }, "/search?q=b", "/orders?page=2"] },
    isBad,
  );
  await assert.rejects(askRoutes(bench, "app.ts"), (error: Error) => {
    assert.match(error.message, /:\nGET \/search\?q=b: status 404 on 10 of 10 requests[^\n]*$/);
    return true;
  });
  assert.deepEqual(
    bench.plans.map(({ scenario }) => scenario.requests.map(({ path }) => path)),
    [["/search?q=a"], ["/search?q=b"], ["/orders?page=2"]],
  );
  const { scenario } = bench;
  assert.deepEqual(
    scenario.requests.map((request) => labelOf(request, scenario)),
    ["GET /search?q=a", "GET /search?q=b", "GET /orders"],
  );
});
