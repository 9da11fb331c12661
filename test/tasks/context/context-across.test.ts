/** Contexts on other threads: what has happened before they are sent, causes, and keys. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Channel, Context, go, setSchedulerThreads } from "../../../src/tasks/index.ts";
import * as contexts from "../../fixtures/tasks/contexts.ts";
import { watchesItself } from "../../fixtures/tasks/movable.ts";

setSchedulerThreads(2);

describe("a context that was cancelled before it is sent", () => {
  test("arrives cancelled, with its cause", async () => {
    const context = Context.background().withCancel();
    context.cancel({ why: "early" });
    const linked = { isLinked: true, aborted: true };
    assert.deepEqual(await go(contexts.atOnce, context), { code: "CANCELED", cause: { why: "early" }, ...linked });
    assert.deepEqual(await go(contexts.atOnce, context.withValue("a", 1)), {
      code: "CANCELED",
      cause: { why: "early" },
      ...linked,
    });
    const late = Context.background().withTimeout(0);
    const cause = "the context's deadline has passed.";
    assert.deepEqual(await go(contexts.atOnce, late), { code: "DEADLINE_EXCEEDED", cause, ...linked });
  });

  test("is cancelled where it was known before, when it arrives again", async () => {
    const context = Context.background().withCancel();
    const later = new Channel<Context>(1);
    const arrived = go(contexts.again, context, later);
    context.cancel("meanwhile");
    await later.send(context);
    assert.deepEqual(await arrived, { code: "CANCELED", cause: "meanwhile", isLinked: true, aborted: true });
  });

  test("arrives cancelled from a thread that has only a stand-in", async () => {
    const context = Context.background().withCancel();
    assert.deepEqual(await go(contexts.cancelsAndPasses, context), {
      code: "CANCELED",
      cause: { by: "another thread" },
      isLinked: true,
      aborted: true,
    });
    assert.deepEqual(context.cause, { by: "another thread" });
  });
});

describe("a cause that cannot be copied", () => {
  test("cancels all the same, and arrives as its text", async () => {
    const context = Context.background().withCancel();
    assert.equal(await go(contexts.cancelsWithFunction, context), "CANCELED");
    await context.done.receive();
    assert.match((context.cause as Error).message, /\[Function/);
    const cause = { run: () => {}, name: "kept" };
    const here = Context.background().withCancel();
    here.cancel(cause);
    assert.equal(here.cause, cause);
    const arrived = await go(contexts.atOnce, here);
    assert.match(String(arrived.cause), /kept/);
  });

  test("as the reason of a cancelled handle", async () => {
    const [ready, word] = [new Channel<string>(), new Int32Array(new SharedArrayBuffer(4))];
    const handle = go(watchesItself, ready, word);
    await ready.receive();
    handle.cancel(() => "a function");
    await assert.rejects(Promise.resolve(handle), { code: "CANCELED" });
    await handle.ended();
    assert.equal(word[0], 1, "it has heard of it");
  });
});

describe("the keys of a context's values", () => {
  test("work on other threads: registered ones, symbols of Symbol.for, strings", async () => {
    const context = Context.background()
      .withValue(contexts.user, "ann")
      .withCancel()
      .withValue(Symbol.for("heddle test"), 2)
      .withValue("plain", 3);
    assert.equal(context.value(contexts.user), "ann");
    assert.deepEqual(await go(contexts.valuesOf, context), ["ann", 2, 3]);
    assert.equal(Context.key(contexts.user.url, "user"), contexts.user);
    assert.notEqual(Context.key(import.meta.url, "user"), contexts.user);
  });

  test("are refused where they are set if they mean nothing on other threads", () => {
    for (const [key, shown] of [
      [{}, "an object"],
      [() => {}, "a function"],
      [Symbol("local"), "Symbol\\(local\\)"],
    ] as const) {
      assert.throws(() => Context.background().withValue(key as never, 1), {
        code: "CONTEXT_KEY",
        message: new RegExp(`must mean the same on every thread, and is ${shown}\\.$`),
        hint: /Context\.key\(import\.meta\.url/,
      });
    }
    assert.throws(() => Context.key("", ""), { code: "CONTEXT_KEY" });
  });

  test("a value that cannot be copied is refused when the context is sent, by its key", () => {
    const context = Context.background().withValue("log", () => {});
    assert.throws(() => go(contexts.atOnce, context), {
      code: "NOT_CLONEABLE",
      message: /^the value of the key "log" in a context cannot be sent/,
    });
  });

  test("a channel as a value works on every thread that the context is sent on to", async () => {
    const out = new Channel<string>(2);
    await go(contexts.passesOn, Context.background().withValue("out", out).withCancel());
    assert.deepEqual([(await out.receive()).value, (await out.receive()).value], ["first", "second"]);
  });
});
