/** `afterFunc`, causes of timeouts, and contexts of AbortSignals. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Channel, Context, go, setSchedulerThreads } from "../../../src/tasks/index.ts";
import { causeAfter } from "../../fixtures/tasks/features.ts";

setSchedulerThreads(2);

describe("afterFunc", () => {
  test("runs a function as a task of its own when the context is cancelled, once", async () => {
    const [context, ran] = [Context.background().withCancel(), new Channel<Context>(2)];
    const stop = context.afterFunc(() => ran.send(Context.current()));
    context.cancel();
    assert.equal(ran.length, 0, "cancel does not wait for it");
    assert.notEqual((await ran.receive()).value, context);
    context.cancel();
    assert.equal(stop(), false);
    assert.equal(ran.length, 0);
  });

  test("runs it at once if the context was cancelled, and never on one that cannot be", async () => {
    const context = Context.background().withCancel();
    context.cancel();
    const ran = new Channel<number>();
    context.afterFunc(() => ran.send(1));
    await ran.receive();
    assert.equal(Context.background().afterFunc(() => assert.fail("ran"))(), true);
  });

  test("is taken back once, and leaves nothing", () => {
    const context = Context.background().withCancel();
    const stop = context.afterFunc(() => assert.fail("ran"));
    assert.deepEqual([stop(), stop()], [true, false]);
    assert.equal(context.listeners, 0);
    context.cancel();
    assert.throws(() => context.afterFunc(7 as never), { code: "TASK_INVALID" });
  });
});

describe("the cause of a timeout", () => {
  test("is the context's, and that of those below", async () => {
    const context = Context.background().withTimeout(1, "too slow");
    const child = context.withCancel();
    await child.done.receive();
    for (const each of [context, child])
      assert.deepEqual([each.error!.code, each.cause], ["DEADLINE_EXCEEDED", "too slow"]);
    assert.equal(context.error!.cause, "too slow");
    assert.equal(Context.background().withDeadline(0, "past").cause, "past");
  });

  test("is not there without one, nor when the context ends otherwise", async () => {
    const plain = Context.background().withTimeout(0);
    assert.equal(plain.cause, plain.error);
    const canceled = Context.background().withTimeout(60_000, "too slow");
    canceled.cancel("enough");
    assert.equal(canceled.cause, "enough");
    const parent = Context.background().withTimeout(1, "the parent's");
    using later = parent.withTimeout(60_000, "the child's");
    await later.done.receive();
    assert.equal(later.cause, "the parent's");
  });

  test("is the same on other threads", async () => {
    const context = Context.background().withTimeout(30, "too slow");
    const told = [
      go(causeAfter, context),
      go(causeAfter, context.withCancel()),
      go(causeAfter, context.withValue("a", 1)),
    ];
    assert.deepEqual(
      await Promise.all(told),
      Array.from(told, () => "DEADLINE_EXCEEDED too slow"),
    );
  });
});

describe("a context of an AbortSignal", () => {
  test("is cancelled with it, and its reason is the cause", () => {
    const controller = new AbortController();
    const context = Context.background().withSignal(controller.signal);
    const child = context.withCancel();
    assert.equal(context.error, undefined);
    controller.abort("left");
    for (const each of [context, child]) assert.deepEqual([each.error!.code, each.cause], ["CANCELED", "left"]);
  });

  test("is born cancelled if the signal has aborted, or the parent", () => {
    assert.equal(Context.background().withSignal(AbortSignal.abort("before")).cause, "before");
    const parent = Context.background().withCancel();
    parent.cancel("parent");
    assert.equal(parent.withSignal(new AbortController().signal).cause, "parent");
  });

  test("of a timeout has passed its deadline", async () => {
    const context = Context.background().withSignal(AbortSignal.timeout(1));
    const alive = setTimeout(() => {}, 60_000);
    await context.done.receive();
    clearTimeout(alive);
    assert.equal(context.error!.code, "DEADLINE_EXCEEDED");
    assert.equal((context.cause as Error).name, "TimeoutError");
  });

  test("comes back from a context's signal with the same error and cause", () => {
    for (const end of ["cancel", "deadline"] as const) {
      const origin = end === "cancel" ? Context.background().withCancel() : Context.background().withDeadline(0, "why");
      if (end === "cancel") origin.cancel("why");
      const again = Context.background().withSignal(origin.signal);
      assert.deepEqual([again.error, again.cause], [origin.error, "why"]);
    }
  });

  test("leaves no listener with the signal when it has ended", () => {
    const controller = new AbortController();
    const context = Context.background().withSignal(controller.signal);
    context.cancel("mine");
    controller.abort("later");
    assert.equal(context.cause, "mine");
  });

  test("refuses what is no signal", () => {
    assert.throws(() => Context.background().withSignal(new AbortController() as never), { code: "TASK_INVALID" });
  });
});
