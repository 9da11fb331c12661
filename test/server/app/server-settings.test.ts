import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { describe, test } from "node:test";
import express from "express";
import fastify from "fastify";
import Koa from "koa";
import { type AppliedServerSettings, applyServerSettings, shared } from "../../../src/server/app/server-settings.ts";
import { settings } from "../../../src/config/settings.ts";
import { resolved } from "../../config/support.ts";

function heeded(server: Server, argv: readonly string[] = []): AppliedServerSettings {
  return applyServerSettings(resolved({ argv }), server);
}

function withSettings(values: Partial<Server>): Server {
  return Object.assign(createServer(), values);
}

function noteOn(server: Server, argv: readonly string[] = []): NonNullable<AppliedServerSettings["settings"]["note"]> {
  const { note } = heeded(server, argv).settings;
  return note ?? assert.fail("nothing was told");
}

test("what is written twice agrees with the table of settings", () => {
  for (const { setting, flag } of shared) assert.equal(settings[setting].flag, flag);
  assert.equal(settings.headerBytes.min, 256);
});

describe("what Node and frameworks set by themselves", () => {
  const servers: readonly (readonly [string, () => Server | Promise<Server>])[] = [
    ["node:http", () => createServer()],
    ["node:http with a listener", () => createServer(() => {})],
    ["node:http whose headers timeout follows from its request timeout", () => createServer({ requestTimeout: 0 })],
    ["node:https", () => createSecureServer()],
    ["Express", () => express().listen(0).close()],
    ["Koa", () => new Koa().listen(0).close()],
    [
      "Fastify",
      async () => {
        const app = fastify();
        await app.ready();
        return app.server;
      },
    ],
    [
      "Fastify that closes connections",
      async () => {
        const app = fastify({ forceCloseConnections: true });
        await app.ready();
        return app.server;
      },
    ],
  ];
  for (const [what, make] of servers) {
    test(`is neither applied nor told: ${what}`, async () => {
      const config = resolved();
      const outcome = applyServerSettings(config, await make());
      assert.deepEqual(outcome, { config, settings: { applied: [], note: undefined } });
    });
  }

  test("is not there in an app without a server of its own", () => {
    const config = resolved();
    assert.deepEqual(applyServerSettings(config, undefined).config, config);
  });
});

describe("a setting that heddle has too", () => {
  test("is applied, with its source", () => {
    const server = withSettings({
      keepAliveTimeout: 65_000,
      headersTimeout: 66_000,
      maxRequestsPerSocket: 500,
      maxHeadersCount: 50,
    });
    const { config, settings: told } = heeded(server);
    const { keepAliveMs, headersTimeoutMs, requestsPerConnection, headerCount } = config;
    assert.deepEqual([keepAliveMs, headersTimeoutMs, requestsPerConnection, headerCount], [65_000, 66_000, 500, 50]);
    assert.equal(told.note, undefined);
    assert.deepEqual(told.applied[0], {
      flag: "keep-alive",
      text: "65000",
      origin: "keepAliveTimeout of the app's http.Server",
    });
  });

  test("is applied when it was given to createServer", () => {
    const server = createServer({ keepAliveTimeout: 65_000, maxHeaderSize: 65_536, requestTimeout: 0 });
    const { config, settings: told } = heeded(server);
    assert.deepEqual([config.keepAliveMs, config.headerBytes, told.note], [65_000, 65_536, undefined]);
  });

  test("is applied when it was given to Fastify, whose own values are not", async () => {
    const app = fastify({ keepAliveTimeout: 9000, maxRequestsPerSocket: 5 });
    await app.ready();
    const { config } = heeded(app.server);
    assert.deepEqual([config.keepAliveMs, config.requestsPerConnection], [9000, 5]);
    const other = fastify({ maxRequestsPerSocket: 5, clientErrorHandler: () => {} });
    await other.ready();
    const { config: own, settings: told } = heeded(other.server);
    assert.deepEqual([own.keepAliveMs, own.requestsPerConnection], [5000, 5]);
    assert.deepEqual(told.note?.names, ['a listener for "clientError"']);
  });

  test("is applied when Node has it by a flag, and nobody else says anything", () => {
    const { config, settings: told } = applyServerSettings(resolved(), undefined, 65_536);
    assert.equal(config.headerBytes, 65_536);
    assert.deepEqual(told, {
      applied: [{ flag: "limit-header", text: "65536", origin: "node --max-http-header-size" }],
      note: undefined,
    });
    assert.equal(applyServerSettings(resolved(), createServer(), 8192).config.headerBytes, 8192);
    const own = createServer({ maxHeaderSize: 20_000 });
    assert.equal(applyServerSettings(resolved(), own, 65_536).config.headerBytes, 20_000);
    const given = resolved({ argv: ["--limit-header", "40000"] });
    assert.equal(applyServerSettings(given, undefined, 65_536).config.headerBytes, 40_000);
  });

  test("of 0 means what it means to Node: no limit", () => {
    const { config } = heeded(withSettings({ headersTimeout: 0, maxHeadersCount: 0 }));
    assert.deepEqual([config.headersTimeoutMs, config.headerCount], [0, 0]);
    const { note } = heeded(withSettings({ keepAliveTimeout: 0 })).settings;
    assert.match(note!.message, /keepAliveTimeout 0 \(--keep-alive has no value for an unlimited time\)$/);
  });

  test("gives way to what the operator says, which is told but no reason for a warning", () => {
    const server = withSettings({ keepAliveTimeout: 65_000 });
    assert.equal(heeded(server, ["--keep-alive", "10s"]).config.keepAliveMs, 10_000);
    const { level, message } = noteOn(server, ["--keep-alive", "5s"]);
    assert.equal(level, "info");
    assert.match(message, /: keepAliveTimeout 65000 \(--keep-alive is set\)$/);
  });

  test("is not applied under sync, where a connection ends with its response", () => {
    const server = withSettings({ keepAliveTimeout: 65_000 });
    assert.equal(heeded(server, ["-m", "sync"]).config.keepAliveMs, 0);
    assert.match(noteOn(server, ["-m", "sync"]).message, /keepAliveTimeout 65000 \(under sync /);
  });

  test("is told when its value is none", () => {
    const server = withSettings({ keepAliveTimeout: "65s" as never, headersTimeout: Infinity });
    const { config, settings: told } = heeded(server);
    assert.deepEqual([config.keepAliveMs, config.headersTimeoutMs], [5000, 10_000]);
    assert.match(
      told.note!.message,
      /keepAliveTimeout 65s \(--keep-alive takes a whole number\); headersTimeout Infinity/,
    );
    assert.match(
      noteOn(createServer({ maxHeaderSize: 100 })).message,
      /maxHeaderSize 100 \(--limit-header is at least 256\)/,
    );
  });
});

describe("what heddle does not have", () => {
  const cases: readonly (readonly [string, (server: Server) => unknown, RegExp])[] = [
    ["requestTimeout", (server) => (server.requestTimeout = 120_000), /requestTimeout 120000 \(.*--body-idle-timeout/],
    ["timeout", (server) => (server.timeout = 120_000), /timeout 120000 \(--timeout limits/],
    ["setTimeout()", (server) => server.setTimeout(60_000), /timeout 60000 \(--timeout limits/],
    ["setTimeout() with a callback", (server) => server.setTimeout(0, () => {}), /timeout 0 \(--timeout limits/],
    ["maxConnections", (server) => (server.maxConnections = 10), /maxConnections 10 \(--limit and/],
    ...["clientError", "connection", "dropRequest", "connect", "secureConnection"].map(
      (event) =>
        [
          `a ${event} listener`,
          (server: Server) => server.on(event, () => {}),
          new RegExp(`a listener for "${event}" \\(`),
        ] as const,
    ),
  ];
  for (const [what, set, expected] of cases) {
    test(`is told, with what to use instead: ${what}`, () => {
      const server = createServer();
      set(server);
      const { level, names, message } = noteOn(server);
      assert.equal(level, "warn");
      assert.equal(names.length, 1);
      assert.match(message, /^set on the app's http\.Server, but without effect under heddle: /);
      assert.match(message, expected);
    });
  }

  test("is told together, in one message", () => {
    const server = createServer();
    server.requestTimeout = 1000;
    server.on("connection", () => {}).on("clientError", () => {});
    assert.equal(noteOn(server).names.length, 3);
  });

  test("of an https server: only if heddle does TLS in its place", () => {
    const server = createSecureServer()
      .on("secureConnection", () => {})
      .on("connection", () => {});
    assert.equal(heeded(server).settings.note, undefined);
    const { level, names } = noteOn(server, ["--tls-cert", "cert", "--tls-key", "key"]);
    assert.equal(level, "warn");
    assert.deepEqual(names, [
      "its own certificate",
      'a listener for "connection"',
      'a listener for "secureConnection"',
    ]);
  });
});
