import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { HeddleError, packThrown, toWire, unpackThrown } from "../../src/errors/errors.ts";

/** As it arrives on another thread. */
function cross(thrown: unknown): unknown {
  return unpackThrown(structuredClone(packThrown(thrown)));
}

test("an error of the language is thrown again as what it was, with its stack, code and cause", () => {
  const cause = new RangeError("too far");
  const sent = Object.assign(new TypeError("no such thing", { cause }), { code: "E_THING", retries: 3 });
  const error = cross(sent) as TypeError & { code: string; retries: number };
  assert.ok(error instanceof TypeError);
  assert.deepEqual(
    [error.name, error.message, error.code, error.retries],
    ["TypeError", "no such thing", "E_THING", 3],
  );
  assert.equal(error.stack, sent.stack);
  assert.ok(error.cause instanceof RangeError);
  assert.equal(error.cause.message, "too far");
});

test("a system error keeps what Node says about it", async () => {
  const sent = await readFile("/no/such/file").catch((error: unknown) => error);
  const error = cross(sent) as NodeJS.ErrnoException;
  assert.deepEqual([error.code, error.syscall, error.path], ["ENOENT", "open", "/no/such/file"]);
  assert.equal(error.errno, (sent as NodeJS.ErrnoException).errno);
});

test("an app's own class arrives as an Error with its name and code", () => {
  class NotFound extends Error {
    override readonly name = "NotFound";
    get code(): string {
      return "E_NOT_FOUND";
    }
  }
  const error = cross(new NotFound("nothing here")) as Error & { code: string };
  assert.ok(error instanceof Error);
  assert.deepEqual([error.name, error.message, error.code], ["NotFound", "nothing here", "E_NOT_FOUND"]);
});

test("an AggregateError keeps its errors", () => {
  const error = cross(new AggregateError([new TypeError("a"), "b"], "both")) as AggregateError;
  assert.ok(error instanceof AggregateError);
  assert.equal(error.message, "both");
  assert.ok(error.errors[0] instanceof TypeError);
  assert.equal(error.errors[1], "b");
});

test("the reasons of AbortSignals stay DOMExceptions", () => {
  for (const name of ["AbortError", "TimeoutError"]) {
    const error = cross(new DOMException("stop", name)) as DOMException;
    assert.ok(error instanceof DOMException);
    assert.deepEqual([error.name, error.message], [name, "stop"]);
  }
});

test("heddle's own errors keep their code, hint and cause", () => {
  const cause = new DOMException("gone", "AbortError");
  const error = cross(new HeddleError("TASK_NOT_FOUND", "no such task", { hint: "look", cause })) as HeddleError;
  assert.ok(error instanceof HeddleError);
  assert.deepEqual([error.code, error.hint], ["TASK_NOT_FOUND", "look"]);
  assert.ok(error.cause instanceof DOMException);
});

test("what is thrown without being an error arrives as it was", () => {
  for (const thrown of ["text", 7, false, null, undefined, { status: 404, tags: ["a"] }]) {
    assert.deepEqual(cross(thrown), thrown);
  }
  const cause = new Error("outer", { cause: "inner" });
  assert.equal((cross(cause) as Error).cause, "inner");
});

test("what cannot be copied arrives as its text", () => {
  const error = cross({ message: "with a function", retry: () => {} }) as Error;
  assert.ok(error instanceof Error);
  assert.equal(error.message, "with a function");
});

test("an app's error that has the name of heddle's own keeps what it is", () => {
  class HeddleLookalike extends Error {
    override readonly name = "HeddleError";
    readonly code = "E_MINE";
    readonly retries = 3;
  }
  const error = cross(new HeddleLookalike("mine")) as HeddleLookalike;
  assert.ok(!(error instanceof HeddleError));
  assert.deepEqual([error.name, error.message, error.code, error.retries], ["HeddleError", "mine", "E_MINE", 3]);
  assert.ok(cross(new HeddleError("INTERNAL", "a fault")) instanceof HeddleError);
});

test("an object that calls itself an error is none", () => {
  const thrown = { [Symbol.toStringTag]: "Error", status: 404 };
  assert.deepEqual(cross(thrown), { status: 404 });
});

test("an error of another realm is one", () => {
  const error = cross(runInNewContext("new RangeError('too far')")) as Error;
  assert.ok(error instanceof RangeError);
  assert.equal(error.message, "too far");
});

test("what looks like the wire form of an error is thrown as it is", () => {
  for (const thrown of [
    { error: toWire(new Error("no")) },
    { value: 1 },
    { code: "OVERLOADED", name: "HeddleError", message: "no" },
  ]) {
    assert.deepEqual(cross(thrown), thrown);
    assert.deepEqual((cross(new Error("outer", { cause: thrown })) as Error).message, "outer");
  }
});

test("a tree of errors stays bounded", () => {
  let error = new AggregateError([], "leaf");
  for (let depth = 0; depth < 6; depth++) error = new AggregateError(Array(10).fill(error), `depth ${depth}`);
  const count = JSON.stringify(toWire(error)).split('"stack"').length - 1;
  assert.ok(count <= 32, `${count} errors`);
});
