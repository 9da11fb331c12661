import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { RouteConfig, ServerConfig } from "../../src/config/config.ts";
import { HeddleError } from "../../src/errors/errors.ts";
import { createRouter, type Router } from "../../src/pipeline/router.ts";

const config = { model: "loop", timeoutMs: 30_000, queue: 1024 } as ServerConfig;

function router(routes: Record<string, RouteConfig>): Router {
  return createRouter(config, routes);
}

describe("the router", () => {
  const table = router({
    "/any": {},
    "GET /any": {},
    "GET /users/:id": {},
    "/users/:id": {},
    "GET /users/me": {},
    "/files/*": {},
    "/files/:name": {},
    "M-SEARCH /discover": {},
    "/": {},
  });
  const cases: [method: string, url: string, route: string][] = [
    ["GET", "/any", "GET /any"],
    ["POST", "/any", "/any"],
    ["HEAD", "/any", "GET /any"],
    ["GET", "/any?x=1", "GET /any"],
    ["GET", "/any?", "GET /any"],
    ["GET", "/any#top", "GET /any"],
    ["GET", "/any/", "*"],
    ["GET", "/anything", "*"],
    ["GET", "/users/me", "GET /users/me"],
    ["HEAD", "/users/me", "GET /users/me"],
    ["POST", "/users/me", "/users/:id"],
    ["GET", "/users/7", "GET /users/:id"],
    ["HEAD", "/users/7", "GET /users/:id"],
    ["GET", "/users/7?as=/users/me", "GET /users/:id"],
    ["DELETE", "/users/7", "/users/:id"],
    ["GET", "/users/7/posts", "*"],
    ["GET", "/files/a/b", "/files/*"],
    ["GET", "/files/a", "/files/*"],
    ["M-SEARCH", "/discover", "M-SEARCH /discover"],
    ["GET", "/", "/"],
    ["GET", "/?q", "/"],
    ["GET", "http://example.com/any?x=1", "GET /any"],
    ["GET", "HTTP://example.com/users/7", "GET /users/:id"],
    ["GET", "http://example.com", "/"],
    ["GET", "http://example.com?x=/any", "/"],
    ["OPTIONS", "*", "*"],
    ["GET", "/%zz", "*"],
    ["GET", "//any", "*"],
  ];
  for (const [method, url, route] of cases) {
    test(`${method} ${url} belongs to ${route}`, () => {
      assert.equal(table.match(method, url).name, route);
    });
  }

  test("what a route does not say is as it is for the server", () => {
    const { routes, fallback } = router({ "/slow": { timeoutMs: 5, limit: 2 } });
    assert.deepEqual(routes[0], {
      name: "/slow",
      pool: undefined,
      model: "loop",
      timeoutMs: 5,
      limit: 2,
      queue: 1024,
      gate: undefined,
    });
    assert.equal(fallback.name, "*");
  });

  test("without routes everything is the server's", () => {
    const none = router({});
    assert.equal(none.match("GET", "/"), none.fallback);
  });

  for (const name of ["/a/:", "/(", "/{a", "no-slash", "GET no-slash", ""]) {
    test(`the route ${JSON.stringify(name)} is refused when the table is made`, () => {
      assert.throws(
        () => router({ [name]: {} }),
        (error) => error instanceof HeddleError && error.code === "CONFIG_BAD_VALUE" && error.message.includes(name),
      );
    });
  }
});
