import assert from "node:assert/strict";
import { test } from "node:test";
import { refusal, resolved } from "../support.ts";

function unknownInRoute(route: Record<string, unknown>): string {
  return refusal("CONFIG_UNKNOWN_SETTING", () => resolved({ file: { routes: { "/a": route } } }));
}

test("a route has settings of its own, read as the server's are", () => {
  const routes = {
    "GET /report/:id": { model: "threads", threads: "1:4", timeout: "1m" },
    "/upload": { limit: 8, queue: 0, timeout: 500 },
    "/code": { timeoutMs: 500 },
    "/": {},
  };
  assert.deepEqual(resolved({ file: { routes } }).routes, {
    "GET /report/:id": { model: "threads", threads: { min: 1, max: 4 }, timeoutMs: 60_000 },
    "/upload": { limit: 8, queue: 0, timeoutMs: 500 },
    "/code": { timeoutMs: 500 },
    "/": {},
  });
  assert.deepEqual(resolved().routes, {});
});

test("a key that names no requests is refused with the reason", () => {
  const problems: Readonly<Record<string, RegExp>> = {
    "report/:id": /its path does not start with \//,
    "GET report": /its path does not start with \//,
    "GTE /report": /"GTE" is not a method, did you mean GET\)/,
    "get /report": /"get" is not a method, did you mean GET\)/,
    "GET  /report": /its path does not start with \//,
    "GET /a b": /its path has white space/,
    "/a?b=1": /a path may not contain \? or #/,
    "/a/:": /after : there must be a name/,
    "/a/:1": /after : there must be a name/,
    "/a/:id/b/:id": /it has the same name twice/,
  };
  for (const [key, problem] of Object.entries(problems)) {
    const message = refusal("CONFIG_BAD_VALUE", () => resolved({ file: { routes: { [key]: {} } } }));
    assert.match(message, problem);
    assert.match(message, /^routes in heddle\.config\.ts: got the key /);
  }
});

test("a bad value in a route is refused with the route it stands in", () => {
  assert.equal(
    refusal("CONFIG_BAD_VALUE", () => resolved({ file: { routes: { "GET /a": { model: "task" } } } })),
    'model of routes["GET /a"] in heddle.config.ts: got "task"; ' +
      "expected one of loop, sync, threads, thread-per-request, tasks, actors; did you mean tasks?",
  );
});

test("a setting that a route cannot have is refused with those it can", () => {
  assert.equal(
    unknownInRoute({ timeOut: 5 }),
    'routes["/a"] in heddle.config.ts: timeOut is not a setting of a route; did you mean timeout?',
  );
  assert.equal(
    unknownInRoute({ workers: 5 }),
    'routes["/a"] in heddle.config.ts: workers is not a setting of a route; a route may have model, threads, timeout, limit, queue, sticky, priority, websocket',
  );
});

test("routes and each route are objects", () => {
  refusal("CONFIG_BAD_VALUE", () => resolved({ file: { routes: ["/a"] } }));
  refusal("CONFIG_BAD_VALUE", () => resolved({ file: { routes: { "/a": "threads" } } }));
});

test("a route's priority is normal, high or always, and its limit may be adaptive", () => {
  const { routes } = resolved({ file: { routes: { "/a": { priority: "high", limit: "adaptive:4" } } } });
  assert.deepEqual(routes, { "/a": { priority: "high", limit: { adaptive: { seed: 4 } } } });
  assert.equal(
    refusal("CONFIG_BAD_VALUE", () => resolved({ file: { routes: { "/a": { priority: "hihg" } } } })),
    'priority of routes["/a"] in heddle.config.ts: got "hihg"; expected one of normal, high, always; did you mean high?',
  );
});
