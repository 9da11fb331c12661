import assert from "node:assert/strict";
import { test } from "node:test";
import type { Generator, LoadPlan } from "../../../src/tune/load/generator.ts";
import { type Bench, runLoad } from "../../../src/tune/run/measure-shape.ts";
import { afterSetup, askRoutes, labelOf } from "../../../src/tune/run/routes.ts";
import { UNKNOWN_SHAPE } from "../../../src/tune/run/subject.ts";
import { readScenario } from "../../../src/tune/scenario/scenario.ts";
import type { Sample } from "../../../src/tune/types.ts";
import { http, refused } from "../load/servers.ts";

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
