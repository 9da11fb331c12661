import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { fromWire, HeddleError, toWire, type WireError } from "../../src/errors/errors.ts";

test("an error crosses a thread with its code, message, name, stack, hint and causes", async () => {
  const errors = new URL("../../src/errors/errors.ts", import.meta.url).href;
  const worker = new Worker(
    `const { parentPort } = require("node:worker_threads");
     import(${JSON.stringify(errors)}).then(({ HeddleError, toWire }) => {
       const cause = new TypeError("no such thing", { cause: "a string" });
       parentPort.postMessage(toWire(new HeddleError("APP_HOOK_FAILED", "onStart threw", { cause, hint: "look" })));
     });`,
    { eval: true },
  );
  const [wire] = (await once(worker, "message")) as [WireError];
  await worker.terminate();

  const error = fromWire(wire);
  assert.ok(error instanceof HeddleError);
  assert.equal(error.code, "APP_HOOK_FAILED");
  assert.equal(error.exitCode, 1);
  assert.equal(error.message, "onStart threw");
  assert.equal(error.hint, "look");
  assert.match(error.stack ?? "", /onStart threw\n\s+at \[worker eval\]|onStart threw\n\s+at .*eval/);
  const cause = error.cause as HeddleError;
  assert.equal(cause.name, "TypeError");
  assert.equal(cause.code, "INTERNAL");
  assert.equal((cause.cause as Error).message, "a string");
});

test("the wire form is plain JSON data", () => {
  const wire = toWire(new HeddleError("QUEUE_TIMEOUT", "waited too long", { cause: new Error("why") }));
  assert.deepEqual(JSON.parse(JSON.stringify(wire)), wire);
  assert.deepEqual(structuredClone(wire), wire);
});

test("a second crossing changes nothing", () => {
  const wire = toWire(new HeddleError("TLS_BAD", "the key does not fit", { cause: new RangeError("why") }));
  assert.deepEqual(toWire(fromWire(wire)), wire);
});

test("a circular chain of causes is cut", () => {
  const error = new Error("round");
  error.cause = error;
  let depth = 0;
  for (let wire: WireError | undefined = toWire(error); wire !== undefined; wire = wire.cause) depth++;
  assert.equal(depth, 9);
});

test("a message of any length stays bounded", () => {
  const wire = toWire(new Error("x".repeat(1_000_000)));
  assert.ok(JSON.stringify(wire).length < 40_000);
});

test("a foreign error cannot claim one of our codes by having it as a property", () => {
  const foreign = Object.assign(new Error("mine"), { code: "OVERLOADED" });
  assert.equal(toWire(foreign).code, "INTERNAL");
});

test("a thrown value whose every property throws still has a wire form", () => {
  const hostile: unknown = new Proxy(new Error("hidden"), {
    get() {
      throw new Error("gotcha");
    },
    getPrototypeOf() {
      throw new Error("gotcha");
    },
  });
  assert.deepEqual(toWire(hostile), { code: "INTERNAL", name: "Error", message: "an error that cannot be shown" });
});

test("an unknown code from another version of heddle becomes INTERNAL", () => {
  const wire = { code: "FROM_THE_FUTURE", name: "HeddleError", message: "new" } as unknown as WireError;
  assert.equal(fromWire(wire).code, "INTERNAL");
});
