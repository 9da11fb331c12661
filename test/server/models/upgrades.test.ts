import assert from "node:assert/strict";
import { test } from "node:test";
import { type RouteModel, upgradesRefused } from "../../../src/server/models/upgrades.ts";

function told(routes: Readonly<Record<string, RouteModel["model"]>>): ReturnType<typeof upgradesRefused> {
  return upgradesRefused(Object.entries(routes).map(([name, model]) => ({ name, model })));
}

test("nothing is told where every request may become a WebSocket", () => {
  assert.equal(told({ "*": "loop", "/x": "loop" }), undefined);
});

test("a server that can give no request a WebSocket warns, and says what to do", () => {
  for (const model of ["threads", "thread-per-request"] as const) {
    const { level, message, routes } = told({ "*": model })!;
    assert.deepEqual([level, routes], ["warn", ["*"]]);
    assert.match(
      message,
      /clients get 501 on "\*": a handler thread .* Give the WebSocket's own route the model loop\.$/,
    );
  }
  const { level, message } = told({ "*": "sync" })!;
  assert.equal(level, "warn");
  assert.match(message, /under the model sync a connection ends with its one response\. Serve them with another model/);
});

test("a server that can give some of them one only informs", () => {
  const mixed = told({ "*": "loop", "GET /report/:id": "threads", "/blocking": "thread-per-request" })!;
  assert.deepEqual([mixed.level, mixed.routes], ["info", ["GET /report/:id", "/blocking"]]);
  assert.doesNotMatch(mixed.message, /Give/);
  const wise = told({ "*": "threads", "/ws": "loop" })!;
  assert.deepEqual([wise.level, wise.routes], ["info", ["*"]]);
});

test("a route whose sockets are actors is not told: they work under every model", () => {
  const own = { name: "/chat", model: "threads", websocket: {} } as const;
  assert.equal(upgradesRefused([own]), undefined);
  assert.deepEqual(upgradesRefused([{ name: "*", model: "threads" }, own])!.routes, ["*"]);
});

test("a route of another method than the handshake's GET is not told", () => {
  assert.equal(told({ "*": "loop", "POST /upload": "threads" }), undefined);
  assert.equal(told({ "*": "threads", "POST /upload": "loop" })!.level, "warn");
});
