import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { modelRefused } from "../../../src/server/models/own-servers.ts";
import type { ModelName } from "../../../src/server/models/model.ts";

type OwnRoutes = Parameters<typeof modelRefused>[2];

function routes(...models: readonly ModelName[]): OwnRoutes {
  return models.map((model, i) => ({ name: i === 0 ? "*" : `GET /${i}`, model, sticky: "none" }));
}

describe("a model beside the app's own server", () => {
  test("is never refused for an http server", () => {
    for (const model of ["loop", "sync", "threads", "thread-per-request"] as const)
      assert.equal(modelRefused(undefined, false, routes(model)), undefined);
  });

  test("must be loop for HTTP/2, on every route", () => {
    for (const protocol of ["h2", "h2c"] as const) {
      assert.equal(modelRefused(protocol, false, routes("loop", "loop")), undefined);
      assert.match(modelRefused(protocol, false, routes("sync"))!.message, /the app's model is sync/);
      const refusal = modelRefused(protocol, false, routes("loop", "threads"))!;
      assert.equal(refusal.code, "APP_SERVES_HTTP2");
      assert.match(refusal.message, /the model of route "GET \/1" is threads/);
    }
  });

  test("can't have sticky clients where requests can't be forwarded", () => {
    const sticky: OwnRoutes = [...routes("loop"), { name: "GET /chat", model: "loop", sticky: "ip" }];
    assert.equal(modelRefused("https", false, sticky), undefined);
    assert.equal(modelRefused("https", true, sticky)!.code, "APP_SERVES_TLS");
    const refusal = modelRefused("h2", false, sticky)!;
    assert.equal(refusal.code, "APP_SERVES_HTTP2");
    assert.match(refusal.message, /sticky of route "GET \/chat" is ip/);
  });

  test("must see the connection if clients show certificates", () => {
    assert.equal(modelRefused("https", false, routes("threads")), undefined);
    assert.equal(modelRefused("https", true, routes("loop", "sync")), undefined);
    for (const model of ["threads", "thread-per-request"] as const)
      assert.equal(modelRefused("https", true, routes("loop", model))!.code, "APP_SERVES_TLS");
  });
});
