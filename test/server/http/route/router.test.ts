import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import type { ServerConfig } from "../../../../src/config/config.ts";
import { HeddleError } from "../../../../src/errors/errors.ts";
import { createRouter, type LoadedRoute, type Router } from "../../../../src/server/http/route/router.ts";

const config = {
  model: "loop",
  timeoutMs: 30_000,
  queue: 1024,
  sticky: "none",
  routeCase: "sensitive",
  routeTrailingSlash: "strict",
} as ServerConfig;

function router(routes: Record<string, LoadedRoute>, spelling: Partial<ServerConfig> = {}): Router {
  return createRouter({ ...config, ...spelling }, routes, () => undefined);
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

  test("a limit of 0 is none, as for the server: the route has no gate that nobody passes", () => {
    assert.equal(router({ "/open": { limit: 0 } }).routes[0]?.limit, undefined);
  });

  test("what a route does not say is as it is for the server", () => {
    const { routes, fallback } = router({ "/slow": { timeoutMs: 5, limit: 2 } });
    assert.deepEqual(routes[0], {
      name: "/slow",
      pool: undefined,
      model: "loop",
      timeoutMs: 5,
      limit: 2,
      queue: 1024,
      priority: "normal",
      sticky: "none",
      websocket: undefined,
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

/** Ways to write one path, as RFC 3986 and the URL parser have them. */
const respellings = fc.record({
  /** For each character of the path: as it is, or encoded in lower or upper case. */
  encodings: fc.array(fc.constantFrom("as it is", "lower", "upper"), { minLength: 40, maxLength: 40 }),
  /** Before each segment. */
  detours: fc.array(fc.constantFrom("", "./", "%2e/", "x/../", "x/%2E./", "a/b/.%2e/../"), {
    minLength: 6,
    maxLength: 6,
  }),
  before: fc.constantFrom("", "", "http://host", "HTTPS://user@host:1"),
  after: fc.constantFrom("", "?", "?a=/any/..", "#a?b"),
  slash: fc.constantFrom("/", "\\", "\t/"),
});

interface Respelling {
  readonly encodings: readonly string[];
  readonly detours: readonly string[];
  readonly before: string;
  readonly after: string;
  readonly slash: string;
}

function respell(path: string, { encodings, detours, before, after, slash }: Respelling): string {
  let written = "";
  let segment = 0;
  path.split("").forEach((character, i) => {
    if (character === "/") {
      written += (i === 0 ? "/" : slash) + detours[segment++ % detours.length]!;
      return;
    }
    const code = Buffer.from(character).toString("hex").replaceAll(/../g, "%$&");
    const encoding = encodings[i % encodings.length]!;
    written += encoding === "as it is" ? character : encoding === "lower" ? code : code.toUpperCase();
  });
  return before + written + after;
}

describe("a path written in another way", () => {
  const names = [
    "GET /any",
    "/~tilde/caf\u00e9",
    "/deep/a-b_c.d",
    "GET /users/:id",
    "/users/:id/pages",
    "/fil%65s/*",
    "/%7Euser/:name",
    "/caf%c3%A9/:name",
    "/:lang%2Dhome",
  ];
  const paths = [
    "/any",
    "/~tilde/caf\u00e9",
    "/deep/a-b_c.d",
    "/users/7",
    "/users/Jo~",
    "/users/7/pages",
    "/files/a/b.c",
    "/~user/me",
    "/caf\u00e9/me",
    "/de-home",
    "/none",
    "/",
    "/users",
    "//any",
    "/any/",
  ];
  const table = router(Object.fromEntries(names.map((name) => [name, {}])));

  test("belongs to the same route", () => {
    const found = new Set(paths.map((path) => table.match("GET", path).name));
    assert.deepEqual(found, new Set([...names, "*"]));
    fc.assert(
      fc.property(fc.constantFrom(...paths), respellings, (path, how) => {
        assert.equal(table.match("GET", respell(path, how)).name, table.match("GET", path).name);
      }),
      { numRuns: 5000 },
    );
  });

  test("belongs to the same route also when the route is what is written so", () => {
    fc.assert(
      fc.property(fc.constantFrom(...paths.slice(0, 9)), respellings, (path, how) => {
        // A route has no query, no host and no backslash.
        const name = respell(path, { ...how, before: "", after: "", slash: "/" });
        assert.equal(router({ [name]: {} }).match("GET", path).name, name);
      }),
      { numRuns: 2000 },
    );
  });

  for (const [target, route] of [
    ["/users%2F7", "*"],
    ["/users/a%2Fb", "GET /users/:id"],
    ["/users/a%2Fpages", "GET /users/:id"],
    ["/ANY", "*"],
    ["/%2561ny", "*"],
    ["/users/%zz", "GET /users/:id"],
    ["/users/%", "GET /users/:id"],
    ["/users/%00", "GET /users/:id"],
    ["/files/../any", "GET /any"],
    ["/any/../files/x", "/fil%65s/*"],
  ] as const) {
    test(`${target} is another path than it seems: it belongs to ${route}`, () => {
      assert.equal(table.match("GET", target).name, route);
    });
  }
});

describe("routes that ignore what the app's router ignores", () => {
  const names = ["GET /Report", "/a/:id", "/files/*", "/"];
  const cases: [target: string, strict: string, noCase: string, noSlash: string, both: string][] = [
    ["/Report", "GET /Report", "GET /Report", "GET /Report", "GET /Report"],
    ["/report", "*", "GET /Report", "*", "GET /Report"],
    ["/Report/", "*", "*", "GET /Report", "GET /Report"],
    ["/%72EPORT/?x", "*", "*", "*", "GET /Report"],
    ["/Report//", "*", "*", "*", "*"],
    ["/a/7", "/a/:id", "/a/:id", "/a/:id", "/a/:id"],
    ["/A/7", "*", "/a/:id", "*", "/a/:id"],
    ["/a/7/", "*", "*", "/a/:id", "/a/:id"],
    ["/A/7/", "*", "*", "*", "/a/:id"],
    ["/a/7//", "*", "*", "*", "*"],
    ["/files/", "/files/*", "/files/*", "/files/*", "/files/*"],
    ["/files/a/b/", "/files/*", "/files/*", "/files/*", "/files/*"],
    ["/", "/", "/", "/", "/"],
    ["//", "*", "*", "/", "/"],
  ];
  const tables = [
    {},
    { routeCase: "insensitive" },
    { routeTrailingSlash: "ignore" },
    { routeCase: "insensitive", routeTrailingSlash: "ignore" },
  ] satisfies Partial<ServerConfig>[];
  const routers = tables.map((spelling) => router(Object.fromEntries(names.map((name) => [name, {}])), spelling));
  for (const [target, ...routes] of cases) {
    test(`${target} belongs to ${routes.join(", ")}`, () => {
      assert.deepEqual(
        routers.map((each) => each.match("GET", target).name),
        routes,
      );
    });
  }
});
