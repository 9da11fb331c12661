/** What arrives of an error that another thread has thrown. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Channel, Context, errorClass, go, setSchedulerThreads } from "../../../src/tasks/index.ts";
import { causeOf, failsWith, GoneForGood, NotFound } from "../../fixtures/tasks/errors.ts";

setSchedulerThreads(2);

interface Much extends RangeError {
  readonly details: { readonly fields: readonly string[]; readonly sizes: ReadonlyMap<string, bigint> };
  readonly inner: NotFound;
  readonly self?: unknown;
}

async function failure<E>(kind: string): Promise<E> {
  return await go(failsWith, kind).then(
    () => assert.fail("it succeeded"),
    (error: unknown) => error as E,
  );
}

function assertMuch(error: Much): void {
  assert.ok(error instanceof RangeError);
  assert.equal(error.message, "much");
  assert.deepEqual(error.details, { fields: ["a", "b"], sizes: new Map([["a", 1n]]) });
  assert.ok(Object.hasOwn(error, "nothing"));
  assert.ok(!Object.hasOwn(error, "retry"), "a function cannot be copied");
  assert.ok(!Object.hasOwn(error, "socket"), "nor can an object with state of its own");
  assert.ok(error.inner instanceof NotFound);
  assert.equal(error.inner.path, "/things/9");
}

describe("an error that a task of another thread throws", () => {
  test("has its own properties, as far as they are data", async () => {
    const error = await failure<Much>("own properties");
    assertMuch(error);
    assert.deepEqual(error.cause, { plain: [1, new Date(0)] });
    assert.equal(Object.keys(error).includes("cause"), false, "as it was");
    assert.match(error.stack!, /RangeError: much\n.*failsWith|RangeError: much/);
  });

  test("may contain itself", async () => {
    const error = await failure<Much>("circular");
    assertMuch(error);
    assert.equal(error.self, error);
    assert.equal(error.cause, error);
  });

  test("has the text of a cause that cannot be copied", async () => {
    const error = await failure<Much>("odd cause");
    assertMuch(error);
    assert.match((error.cause as Error).message, /run: \[Function/);
  });

  test("has all errors of an AggregateError, with their properties", async () => {
    const { errors, message } = await failure<AggregateError>("several");
    assert.equal(message, "several");
    assertMuch(errors[0] as Much);
    assert.ok(errors[1] instanceof NotFound);
    assert.equal(errors.length, 2);
  });

  test("has its class if that is registered, without its constructor being called", async () => {
    const error = await failure<NotFound>("registered");
    assert.ok(error instanceof NotFound);
    assert.deepEqual([error.id, error.path, error.message, error.name], [7, "/things/7", "no 7", "Error"]);
    const below = await failure<NotFound>("below");
    assert.ok(below instanceof NotFound && !(below instanceof GoneForGood), "the nearest class that is registered");
    const other = await failure<Error>("unregistered");
    assert.deepEqual([other.constructor, other.name, other.message], [Error, "Unregistered", "of its own class"]);
  });
});

test("the cause of a context keeps its class", async () => {
  const [context, ready] = [Context.background().withCancel(), new Channel<string>()];
  const checked = go(causeOf, context, ready);
  await ready.receive();
  context.cancel(new NotFound(3));
  assert.equal(await checked, true);
});

test("what is no class of errors is refused", () => {
  for (const wrong of [Map, {}, undefined, () => {}]) {
    assert.throws(() => errorClass(import.meta.url, wrong as never), { code: "TASK_INVALID" });
  }
  assert.throws(() => errorClass(undefined as never, NotFound), { code: "TASK_INVALID" });
});
