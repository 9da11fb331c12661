import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { Channel, Context, go, receiveFrom, select, setSchedulerThreads, sleep } from "../../../src/tasks/index.ts";
import * as elsewhere from "../../fixtures/tasks/elsewhere.ts";
import * as movable from "../../fixtures/tasks/movable.ts";

setSchedulerThreads(2);

describe("a context", () => {
  test("is cancelled once, with all below it and nobody above", () => {
    const parent = Context.background().withCancel();
    const child = parent.withCancel();
    const grandchild = child.withValue("a", 1).withCancel();
    child.cancel("first");
    child.cancel("second");
    assert.equal(child.cause, "first");
    assert.equal(grandchild.cause, "first");
    assert.equal(grandchild.error?.code, "CANCELED");
    assert.equal(parent.error, undefined);
  });

  test("of a cancelled parent is born cancelled", () => {
    const parent = Context.background().withCancel();
    parent.cancel();
    const child = parent.withCancel();
    assert.equal(child.error?.code, "CANCELED");
    assert.equal(child.signal.aborted, true);
    assert.equal(child.cause, parent.error);
  });

  test("has the earlier deadline of its own and its parent's", async () => {
    const parent = Context.background().withTimeout(5);
    const child = parent.withTimeout(60_000);
    assert.equal(child.deadline, parent.deadline);
    const early = Context.background().withTimeout(60_000).withTimeout(1);
    await Promise.all([child.done.receive(), early.done.receive()]);
    assert.equal(child.error?.code, "DEADLINE_EXCEEDED");
    assert.equal(early.error?.code, "DEADLINE_EXCEEDED");
    assert.equal(Context.background().withDeadline(new Date(0)).error?.code, "DEADLINE_EXCEEDED");
  });

  test("detaches from its parent when it is cancelled", () => {
    const parent = Context.background().withCancel();
    for (let i = 0; i < 10; i++) parent.withCancel().cancel();
    assert.equal(parent.listeners, 0);
    {
      using child = parent.withTimeout(60_000);
      assert.equal(child.error, undefined);
      assert.equal(parent.listeners, 1);
    }
    assert.equal(parent.listeners, 0);
  });

  test("without cancel keeps the values and nothing else", () => {
    const parent = Context.background().withValue("user", "ann").withTimeout(60_000);
    const kept = parent.withoutCancel();
    parent.cancel();
    assert.equal(kept.error, undefined);
    assert.equal(kept.deadline, undefined);
    assert.equal(kept.value("user"), "ann");
    assert.equal(kept.withCancel().error, undefined);
  });

  test("finds values by key, the nearest first", () => {
    const key = Symbol.for("key");
    const context = Context.background().withValue(key, 1).withCancel().withValue("a", 2).withValue(key, 3);
    assert.equal(context.value(key), 3);
    assert.equal(context.value("a"), 2);
    assert.equal(context.value("b"), undefined);
    assert.equal(context.value(undefined), undefined);
    assert.equal(context.withValue(undefined, 4).withCancel().value(undefined), 4);
  });

  test("has a signal that Node's own functions take", async () => {
    const context = Context.background().withCancel();
    const { setTimeout: wait } = await import("node:timers/promises");
    const waiting = assert.rejects(wait(60_000, undefined, { signal: context.signal }), (error) => {
      assert.equal((error as Error).name, "AbortError");
      assert.equal((error as Error).cause, context.error);
      return true;
    });
    context.cancel();
    await waiting;
    assert.equal(Context.background().signal.aborted, false);
  });

  test("has a signal that fetch takes", async () => {
    const server = createServer();
    // It never answers.
    const asked = once(server, "request");
    await once(server.listen(0, "127.0.0.1"), "listening");
    try {
      const context = Context.background().withCancel();
      assert.ok(context.signal instanceof AbortSignal);
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const fetching = assert.rejects(fetch(url, { signal: context.signal }), { code: "CANCELED" });
      await asked;
      context.cancel();
      await fetching;
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  test("has a done channel for select, and ends a sleep", async () => {
    const context = Context.background().withCancel();
    const cases = [receiveFrom(context.done, () => "done")];
    assert.equal(await select(cases, { otherwise: () => "not yet" }), "not yet");
    const sleeping = assert.rejects(sleep(60_000, context), { code: "CANCELED" });
    context.cancel();
    assert.equal(await select(cases), "done");
    await sleeping;
    await assert.rejects(sleep(1, context), { code: "CANCELED" });
  });

  test("of the current task is cancelled when the task ends", async () => {
    assert.equal(Context.current(), Context.background());
    let seen: Context | undefined;
    await go(async () => {
      seen = Context.current();
      await sleep(0);
      assert.equal(Context.current(), seen, "after an await as well");
    });
    assert.equal(seen?.error?.code, "CANCELED");
  });
});

describe("a context on another thread", () => {
  test("has the values and the deadline, and is cancelled with the original", async () => {
    const context = Context.background().withValue("user", "ann").withTimeout(60_000);
    const ready = new Channel<string>();
    const ended = go(movable.untilCanceled, context.withValue("other", 1), ready);
    await ready.receive();
    context.cancel(new Error("enough"));
    assert.deepEqual(await ended, {
      code: "CANCELED",
      cause: "enough",
      aborted: true,
      user: "ann",
      deadline: context.deadline,
    });
  });

  test("meets its deadline there, or was cancelled on the way", async () => {
    assert.equal((await go(movable.untilCanceled, Context.background().withTimeout(5))).code, "DEADLINE_EXCEEDED");
    const canceled = Context.background().withCancel();
    canceled.cancel();
    assert.equal((await go(movable.untilCanceled, canceled)).code, "CANCELED");
  });

  test("that has a cancel of its own cancels the original", async () => {
    const context = Context.background().withCancel();
    await go(movable.cancels, context, "from there");
    await context.done.receive();
    assert.equal(context.cause, "from there");
  });

  test("that can't be cancelled is a copy", async () => {
    assert.equal(
      await go(movable.echo, Context.background().withValue("a", 1)).then((context) => (context as Context).value("a")),
      1,
    );
    const sent = Context.background().withValue(undefined, 2).withValue("a", undefined);
    const copied = (await go(movable.echo, sent)) as Context;
    assert.deepEqual([copied.value(undefined), copied.value("a")], [2, undefined]);
  });

  test("that adds values to one costs that one nothing more", async () => {
    const root = Context.background().withCancel();
    for (let id = 0; id < 20; id++) {
      const sent = root.withValue("request", id);
      const back = (await go(movable.echo, sent)) as Context;
      assert.equal(back.value("request"), id);
    }
    assert.equal(root.listeners, 1, "the other thread hears of the cancellation once");
    const ready = new Channel<string>();
    const ended = go(movable.untilCanceled, root.withValue("user", "eve"), ready);
    await ready.receive();
    root.cancel();
    const { code, aborted, user } = await ended;
    assert.deepEqual({ code, aborted, user }, { code: "CANCELED", aborted: true, user: "eve" });
  });

  test("is cancelled once, whoever is second", async () => {
    const context = Context.background().withCancel();
    context.cancel("from here");
    await go(movable.cancels, context, "from there");
    assert.equal(context.cause, "from here");
    const other = Context.background().withCancel();
    await go(movable.cancels, other, "from there");
    await other.done.receive();
    other.cancel("from here");
    assert.equal(other.cause, "from there");
  });

  test("is not cancelled with a child that was made there", async () => {
    const context = Context.background().withCancel();
    assert.deepEqual(await go(elsewhere.cancelsBelow, context), ["below", undefined]);
    assert.equal(context.error, undefined);
    context.cancel();
    const [, above] = await go(elsewhere.cancelsBelow, context);
    assert.equal(above, "CANCELED");
  });

  test("gives a child there the earlier deadline", async () => {
    const context = Context.background().withTimeout(60_000);
    assert.equal(await go(elsewhere.deadlineBelow, context, 120_000), context.deadline);
    assert.ok((await go(elsewhere.deadlineBelow, context, 1000)) < context.deadline!);
    context.cancel();
  });

  test("is left by a child there that is cancelled, and leaves its original when that is", async () => {
    const parent = Context.background().withCancel();
    const context = parent.withCancel();
    const [before, meanwhile, afterwards] = await go(elsewhere.listenersBelow, context);
    assert.equal(meanwhile, before! + 1);
    assert.equal(afterwards, before);
    context.cancel();
    assert.deepEqual([context.listeners, parent.listeners], [0, 0]);
  });

  test("without cancel keeps the values and nothing else", async () => {
    const parent = Context.background().withValue("user", "ann").withTimeout(60_000);
    const kept = (await go(movable.echo, parent.withoutCancel())) as Context;
    parent.cancel();
    assert.deepEqual([kept.value("user"), kept.deadline, kept.error], ["ann", undefined, undefined]);
  });
});
