import assert from "node:assert/strict";
import { createServer } from "node:http";
import { describe, test } from "node:test";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";
import { type OwnRouter, ownRouterOf } from "../../../../src/server/app/load/own-router.ts";
import { routingWarnings } from "../../../../src/server/http/route/routing-warnings.ts";

function expressWith(...settings: string[]): express.Express {
  const app = express();
  for (const setting of settings) app.enable(setting);
  return app;
}

/** `@koa/router` puts itself on the middleware it makes. */
function koaWith(...options: object[]): Koa {
  const app = new Koa();
  for (const opts of options) app.use(Object.assign(() => {}, { router: { opts } }));
  return app;
}

const fastify = (options: object): unknown => Fastify({ routerOptions: options } as never);

const cases: [what: string, app: unknown, framework: string, ignores: string[]][] = [
  ["Express", expressWith(), "Express", ["case", "slash"]],
  ["Express, strict", expressWith("strict routing"), "Express", ["case"]],
  ["Express, both", expressWith("case sensitive routing", "strict routing"), "Express", []],
  ["Fastify", Fastify(), "Fastify", []],
  ["Fastify without case", fastify({ caseSensitive: false }), "Fastify", ["case"]],
  ["Fastify without slash", fastify({ ignoreTrailingSlash: true }), "Fastify", ["slash"]],
  [
    "Fastify, all",
    fastify({
      caseSensitive: false,
      ignoreTrailingSlash: true,
      ignoreDuplicateSlashes: true,
      useSemicolonDelimiter: true,
    }),
    "Fastify",
    ["case", "slash", "ignoreDuplicateSlashes", "useSemicolonDelimiter"],
  ],
  [
    "Fastify 4",
    { ready() {}, inject() {}, server: {}, initialConfig: { caseSensitive: false, ignoreTrailingSlash: true } },
    "Fastify",
    ["case", "slash"],
  ],
  ["Hono", new Hono(), "Hono", []],
  ["Hono, strict", new Hono({ strict: true }), "Hono", []],
  ["Hono, not strict", new Hono({ strict: false }), "Hono", ["slash"]],
  ["Hono with a getPath", new Hono({ getPath: ({ url }) => new URL(url).pathname.toLowerCase() }), "Hono", ["case"]],
  ["Koa with a router", koaWith({}), "@koa/router", ["case", "slash"]],
  ["Koa with a strict router", koaWith({ strict: true, sensitive: true }), "@koa/router", []],
  ["Koa with two routers", koaWith({ strict: true }, { sensitive: true }), "@koa/router", ["case", "slash"]],
  ["NestJS on Express", nestOn(expressWith("strict routing")), "Express", ["case"]],
  ["NestJS on Fastify", nestOn(Fastify()), "Fastify", []],
];

describe("what the app's own router ignores", () => {
  for (const [what, app, framework, ignores] of cases) {
    test(`is known of ${what}: ${ignores.join(", ") || "nothing"}`, () => {
      const router = ownRouterOf(app);
      assert.equal(router?.framework, framework);
      const { ignoresCase, ignoresTrailingSlash, others } = router;
      assert.deepEqual(
        [...(ignoresCase ? ["case"] : []), ...(ignoresTrailingSlash ? ["slash"] : []), ...others],
        ignores,
      );
    });
  }

  for (const [what, app] of [
    ["a listener", () => {}],
    ["a fetch app", { fetch: () => new Response() }],
    ["a server", createServer()],
    ["Koa without a router", new Koa()],
    ["a connect app", Object.assign(() => {}, { handle() {}, listen() {} })],
    [
      "what only looks like Express",
      Object.assign(() => {}, { handle() {}, listen() {}, enabled: () => assert.fail() }),
    ],
    ["nothing", undefined],
  ] as const) {
    test(`is not known of ${what}`, () => assert.equal(ownRouterOf(app), undefined));
  }
});

describe("what is told of it", () => {
  const router: OwnRouter = {
    framework: "Express",
    ignoresCase: true,
    ignoresTrailingSlash: true,
    others: [],
    distinguishingOptions: { case: "one", trailingSlash: "two" },
  };
  const strict = { routeCase: "sensitive", routeTrailingSlash: "strict" } as const;
  const lenient = { routeCase: "insensitive", routeTrailingSlash: "ignore" } as const;

  test("is each difference, with the setting that ends it", () => {
    const warnings = routingWarnings(router, strict);
    assert.equal(warnings.length, 2);
    assert.match(
      warnings[0]!,
      /^Express treats \/Report as \/report,.* Set --route-case insensitive, or .* \(one\)\.$/,
    );
    assert.match(
      warnings[1]!,
      /^Express treats \/report\/ as \/report,.* --route-trailing-slash ignore, or .* \(two\)\.$/,
    );
  });

  test("is also that the table ignores what the router does not", () => {
    const warnings = routingWarnings({ ...router, ignoresCase: false, ignoresTrailingSlash: false }, lenient);
    assert.equal(warnings.length, 2);
    assert.match(warnings[0]!, /--route-case sensitive/);
    assert.match(warnings[1]!, /--route-trailing-slash strict/);
  });

  test("is an option that the table of routes has no counterpart of", () => {
    const [told] = routingWarnings({ ...router, others: ["ignoreDuplicateSlashes"] }, lenient);
    assert.match(told!, /Turn ignoreDuplicateSlashes off/);
  });

  test("is nothing where they agree, and where nothing is known", () => {
    assert.deepEqual(routingWarnings(router, lenient), []);
    assert.deepEqual(routingWarnings({ ...router, ignoresCase: false, ignoresTrailingSlash: false }, strict), []);
    assert.deepEqual(routingWarnings(undefined, strict), []);
  });
});

function nestOn(instance: unknown): object {
  return { init() {}, getHttpServer() {}, getHttpAdapter: () => ({ getInstance: () => instance }) };
}
