import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { describe, test } from "node:test";
import type { LoadedApp } from "../../../src/server/app/load/load-app.ts";
import type { ModelHost, RunningModel } from "../../../src/server/models/model.ts";
import { loadModels, models } from "../../../src/server/models/registry.ts";
import type { Exchange } from "../../../src/server/http/exchange.ts";

describe("the registry of models", () => {
  test("has each model under its own name", () => {
    for (const [name, model] of Object.entries(models)) assert.equal(model.name, name);
  });

  test("loads each model that routes run on, once", async () => {
    const routes = [{ model: "loop" }, { model: "threads" }, { model: "threads" }] as const;
    assert.deepEqual([...(await loadModels(routes)).keys()], ["loop", "threads"]);
  });
});

describe("the model loop", () => {
  interface Started {
    readonly model: RunningModel;
    readonly failures: { exchange: Exchange; error: unknown }[];
  }

  async function start(app: Partial<LoadedApp>): Promise<Started> {
    const failures: Started["failures"] = [];
    const failed = (exchange: Exchange, error: unknown): void => void failures.push({ exchange, error });
    const begin = await models.loop.load();
    return { model: begin({ app, failed } as unknown as ModelHost), failures };
  }

  const exchange = { req: { url: "/" }, res: {}, expects: undefined } as unknown as Exchange;

  test("calls the app at once, with the request and the response", async () => {
    const calls: unknown[][] = [];
    const { model, failures } = await start({
      request: (...args: [IncomingMessage, ServerResponse]) => void calls.push(args),
    });
    model.execute(exchange);
    assert.deepEqual(calls, [[exchange.req, exchange.res]]);
    assert.deepEqual(failures, []);
  });

  test("reports a throw and a rejection once, and never throws itself", async () => {
    const fault = new Error("fault");
    const thrown = await start({
      request: () => {
        throw fault;
      },
    });
    thrown.model.execute(exchange);
    const rejected = await start({ request: () => Promise.reject(fault) });
    rejected.model.execute(exchange);
    await new Promise((resolve) => setImmediate(resolve));
    for (const { failures } of [thrown, rejected]) assert.deepEqual(failures, [{ exchange, error: fault }]);
  });

  test("gives an expectation to the app's own listener", async () => {
    const events: unknown[] = [];
    const { model } = await start({ expect: (event) => void events.push(event) });
    model.execute({ req: exchange.req, res: exchange.res, expects: "checkContinue" } as Exchange);
    assert.deepEqual(events, ["checkContinue"]);
  });

  test("hands an upgrade on as it is", async () => {
    const calls: unknown[][] = [];
    const { model } = await start({ upgrade: (...args) => void calls.push(args) });
    const args = [{} as IncomingMessage, {} as Duplex, Buffer.from("head")] as const;
    void model.upgrade(...args);
    assert.deepEqual(calls, [[...args]]);
  });
});

describe("the model sync", () => {
  test("runs a handler as loop does, and refuses upgrades, which would keep its worker", async () => {
    const told: unknown[] = [];
    const socket = {} as Duplex;
    const begin = await models.sync.load();
    const model = begin({
      app: { request: () => void told.push("request") },
      refuseUpgrade: (refused: Duplex) => void told.push(refused),
    } as unknown as ModelHost);
    model.execute({ req: {}, res: {}, expects: undefined } as unknown as Exchange);
    void model.upgrade({} as IncomingMessage, socket, Buffer.alloc(0));
    assert.deepEqual(told, ["request", socket]);
  });
});

describe("the model actors", () => {
  test("answers for a request that has waited and is called off before its turn", async () => {
    const told: unknown[] = [];
    const begin = await models.actors.load();
    const model = begin({
      app: { request: () => void told.push("request") },
      failed: (_exchange: Exchange, error: unknown) => void told.push(error),
    } as unknown as ModelHost);
    const abortReason = new DOMException("the server drains", "AbortError");
    const about = { req: { method: "GET", url: "/" }, res: {}, route: { name: "*" }, receivedMs: 1, executedMs: 2 };
    const called = {
      ...about,
      expects: undefined,
      refusal: undefined,
      calledOff: true,
      abortReason,
    } as unknown as Exchange;
    model.execute(called);
    called.onAbort!();
    assert.deepEqual(told, [abortReason]);
    // Its turn comes, and changes nothing.
    for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(told, [abortReason]);
  });
});
