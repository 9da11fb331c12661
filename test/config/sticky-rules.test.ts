import assert from "node:assert/strict";
import { test } from "node:test";
import { refusal, resolved } from "./support.ts";

test("sticky clients need the model loop", () => {
  for (const model of ["sync", "threads", "thread-per-request"]) {
    const told = refusal("CONFIG_CONFLICT", () => resolved({ argv: ["--model", model, "--sticky", "cookie"] }));
    assert.match(
      told,
      new RegExp(`^--sticky: got "cookie" with the model ${model}, where .*; expected --model loop or actors, or`),
    );
    assert.equal(resolved({ argv: ["--model", model, "--sticky", "none"] }).sticky, "none");
  }
  assert.equal(resolved({ argv: ["--sticky", "ip"] }).sticky, "ip");
  assert.equal(resolved({}).sticky, "none");
});

test("a route may have sticky clients if its model is loop", () => {
  const routes = (route: object): Record<string, unknown> => ({ routes: { "/x": route } });
  assert.equal(resolved({ file: routes({ sticky: "cookie" }) }).routes["/x"]!.sticky, "cookie");
  const told = refusal("CONFIG_CONFLICT", () => resolved({ file: routes({ sticky: "ip", model: "threads" }) }));
  assert.match(
    told,
    /^routes\["\/x"\] in heddle\.config\.ts: got sticky "ip" with the model threads, where its handlers run/,
  );
  const byServer = { ...routes({ sticky: "ip" }), model: "threads" };
  assert.match(
    refusal("CONFIG_CONFLICT", () => resolved({ file: byServer })),
    /expected the model loop or actors for this route/,
  );
  assert.equal(resolved({ argv: ["--sticky", "ip"], file: routes({ model: "threads" }) }).sticky, "ip");
});
