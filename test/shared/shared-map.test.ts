/** `heddle/shared` in a program without a server: what the operations mean. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { channel, namespace, shared, type SharedMap } from "../../src/shared/index.ts";
import { lets } from "../support/loops.ts";

function refused(code: string): (error: { code?: string }) => boolean {
  return (error) => {
    assert.equal(error.code, code);
    return true;
  };
}

describe("a loop of operations", () => {
  const map = namespace("loops");
  const operations: Readonly<Record<string, () => unknown>> = {
    get: () => map.get("key"),
    increment: () => map.increment("number"),
    update: () => map.update<number>("updated", (n) => (n ?? 0) + 1),
    getOrSet: () => map.getOrSet("made", () => 1),
    publish: () => channel("loops").publish(1),
  };
  for (const [what, operation] of Object.entries(operations)) {
    test(`lets timers and I/O run: ${what}`, async () => {
      assert.equal(await lets(operation), true);
    });
  }
});

describe("a shared value", () => {
  test("is copied in and out, with the types of a structured clone", async () => {
    const map = namespace("types");
    const values: readonly unknown[] = [
      null,
      true,
      0.5,
      -0,
      Number.NaN,
      10n ** 30n,
      "",
      "Schlüssel ☕",
      new Date(5),
      /a/giu,
      [1, undefined, 3],
      { a: { b: [new Map([[{ k: 1 }, new Set([1])]])] } },
      new Uint8Array([1, 2, 3]),
      Buffer.from("bytes"),
      new Float64Array([1.5, -2]),
      new BigInt64Array([5n]),
      new DataView(new Uint8Array([9, 8]).buffer),
      new Uint8Array([7, 8]).buffer,
      { deep: new Uint16Array([1, 2, 3]).subarray(1) },
      "x".repeat(5000),
    ];
    for (const value of values) {
      await map.set("key", value);
      const read = await map.get("key");
      assert.deepEqual(read, value);
      assert.equal(Object.getPrototypeOf(read ?? {}), Object.getPrototypeOf(value ?? {}));
    }
    await map.set("error", new RangeError("out"));
    const error = await map.get<RangeError>("error");
    assert.ok(error instanceof RangeError && error.message === "out");
    const mine = { list: [1] };
    await map.set("mine", mine);
    mine.list.push(2);
    (await map.get<typeof mine>("mine"))!.list.push(3);
    assert.deepEqual(await map.get("mine"), { list: [1] });
  });

  test("that is bytes has memory of its own, and no more of it", async () => {
    const map = namespace("bytes");
    await map.set("small", new Uint8Array(1000).subarray(0, 3));
    const read = (await map.get<Uint8Array>("small"))!;
    assert.equal(read.buffer.byteLength, 3);
    await map.set("large", new Uint8Array(5000).fill(1));
    (await map.get<Uint8Array>("large"))!.fill(2);
    assert.equal((await map.get<Uint8Array>("large"))![0], 1);
  });

  test("is refused if it can't be one", async () => {
    const map = namespace("refused");
    for (const value of [() => 1, Symbol("a"), { a: Promise.resolve() }, new SharedArrayBuffer(1), new WeakMap()])
      await assert.rejects(map.set("key", value), refused("SHARED_NOT_CLONEABLE"));
    await assert.rejects(map.set("key", undefined), refused("SHARED_INVALID"));
    await assert.rejects(map.set("key", "x".repeat(2 ** 20)), refused("SHARED_TOO_LARGE"));
    await assert.rejects(
      map.update("key", () => "x".repeat(2 ** 20)),
      refused("SHARED_TOO_LARGE"),
    );
    assert.equal(await map.get("key"), undefined);
  });

  test("has a key that is a string of at most 1,024 bytes, and a time above 0", async () => {
    for (const key of ["", 1, undefined, null, {}, "\ud800"])
      await assert.rejects(shared.get(key as string), refused("SHARED_INVALID"));
    for (const key of ["x".repeat(1025), "ü".repeat(513), "x".repeat(10 ** 7)])
      await assert.rejects(shared.set(key, 1), refused("SHARED_TOO_LARGE"));
    assert.equal(await shared.set("ü".repeat(512), 1), true);
    assert.equal(await shared.get("ü".repeat(512)), 1);
    for (const ttlMs of [0, -1, Number.NaN, "1s" as never])
      await assert.rejects(shared.set("key", 1, { ttlMs }), refused("SHARED_INVALID"));
    for (const by of [Number.NaN, Infinity, "1" as never])
      await assert.rejects(shared.increment("key", by), refused("SHARED_INVALID"));
    assert.throws(() => namespace(""), refused("SHARED_INVALID"));
    await assert.rejects(
      shared.update(1 as never, () => 1),
      refused("SHARED_INVALID"),
    );
    await assert.rejects(
      shared.getOrSet("", () => 1),
      refused("SHARED_INVALID"),
    );
  });
});

describe("an operation", () => {
  test("says what it did", async () => {
    const map = namespace("says");
    assert.equal(await map.set("a", 1, { onlyIfAbsent: true }), true);
    assert.equal(await map.set("a", 2, { onlyIfAbsent: true }), false);
    assert.deepEqual(await map.increment("a", 5), { value: 6, expiresInMs: undefined });
    assert.equal(await map.touch("a", 1000), true);
    assert.ok((await map.entry("a"))!.expiresInMs! <= 1000);
    assert.equal(await map.delete("a"), true);
    assert.equal(await map.delete("a"), false);
    assert.equal(await map.touch("a", 1000), false);
    await map.set("text", "one");
    await assert.rejects(map.increment("text"), refused("SHARED_NOT_A_NUMBER"));
    await map.clear();
    assert.equal(await map.entry("text"), undefined);
  });
});

describe("update", () => {
  test("loses none of many at once, keeps the time, and deletes for undefined", async () => {
    const map = namespace("update");
    await map.set("n", 0, { ttlMs: 60_000 });
    const add = (value: number | undefined): number => (value ?? 0) + 1;
    await Promise.all(Array.from({ length: 500 }, () => map.update<number>("n", add)));
    const entry = await map.entry("n");
    assert.equal(entry?.value, 500);
    assert.ok(entry.expiresInMs !== undefined);
    assert.equal(await map.update("n", () => undefined), undefined);
    assert.equal(await map.get("n"), undefined);
    assert.equal(await map.update("n", () => undefined), undefined);
  });

  test("calls the function again if the key was changed meanwhile", async () => {
    const map = namespace("update again");
    const seen: unknown[] = [];
    await map.set("n", 1);
    const changed = map.update<number>("n", (value = 0) => {
      seen.push(value);
      // It reaches the store first.
      if (seen.length === 1) void map.set("n", 10);
      return value + 1;
    });
    assert.equal(await changed, 11);
    assert.deepEqual(seen, [1, 10]);
  });

  test("changes nothing if the function throws, or is asynchronous", async () => {
    const map = namespace("update throws");
    await map.set("n", 1);
    await assert.rejects(
      map.update("n", () => {
        throw new Error("mine");
      }),
      /mine/,
    );
    await assert.rejects(
      map.update("n", async () => 2),
      refused("SHARED_INVALID"),
    );
    assert.equal(await map.get("n"), 1);
    assert.equal(await map.update<number>("n", (n = 0) => n + 1), 2);
  });
});

describe("getOrSet", () => {
  test("makes a value once for all who ask, and each has a copy", async () => {
    const map = namespace("make");
    let made = 0;
    const ask = (): Promise<{ n: number }> => map.getOrSet("key", async () => ({ n: ++made }), { ttlMs: 60_000 });
    const [first, ...others] = await Promise.all(Array.from({ length: 20 }, ask));
    first!.n = 99;
    for (const other of others) assert.deepEqual(other, { n: 1 });
    assert.deepEqual(await ask(), { n: 1 });
    assert.equal(made, 1);
    assert.ok((await map.entry("key"))!.expiresInMs! <= 60_000);
  });

  test("gives a failure to its own caller only; the next one makes it", async () => {
    const map = namespace("make fails");
    let calls = 0;
    const ask = (): Promise<number> =>
      map.getOrSet("key", async () => {
        if (++calls === 1) throw new Error("mine");
        return calls;
      });
    const [first, second, third] = await Promise.allSettled([ask(), ask(), ask()]);
    assert.equal(first.status, "rejected");
    assert.deepEqual(
      [second, third].map((each) => each.status === "fulfilled" && each.value),
      [2, 2],
    );
  });

  test("sets nothing for undefined, and not what is older than a delete", async () => {
    const map = namespace("make nothing");
    assert.equal(await map.getOrSet("key", () => undefined), undefined);
    assert.equal(await map.getOrSet("key", () => 5), 5);
    await map.delete("key");
    const making = await map.getOrSet("key", async () => {
      await map.delete("key");
      return "old";
    });
    assert.equal(making, "old");
    assert.equal(await map.get("key"), undefined);
  });

  for (const [what, change] of [
    ["deleted", (map: SharedMap) => map.delete("key")],
    ["set", (map: SharedMap) => map.set("key", "new")],
  ] as const) {
    test(`gives nothing older to who asks in the same thread after the key was ${what}`, async () => {
      const map = namespace(`make old, ${what}`);
      const old = Promise.withResolvers<string>();
      const begun = Promise.withResolvers<void>();
      const making = map.getOrSet("key", () => {
        begun.resolve();
        return old.promise;
      });
      await begun.promise;
      await change(map);
      const asked = map.getOrSet("key", () => "new");
      old.resolve("old");
      assert.deepEqual(await Promise.all([making, asked]), ["old", "new"]);
      assert.equal(await map.get("key"), "new");
    });
  }

  test("passes the work on to who waits in the same thread if it takes longer than makeTimeoutMs", async () => {
    const map = namespace("make hangs");
    const late = Promise.withResolvers<string>();
    const hangs = map.getOrSet("key", () => late.promise, { makeTimeoutMs: 20 });
    const makes = ["second", "third"].map((made) => map.getOrSet("key", () => made));
    assert.deepEqual(await Promise.all(makes), ["second", "second"]);
    assert.equal(await map.getOrSet("key", () => "fourth"), "second");
    late.resolve("late");
    assert.equal(await hangs, "late");
    assert.equal(await map.get("key"), "second");
  });

  test("may ask for the same key within, and then makes it twice", async () => {
    const map = namespace("make within");
    const within = (): Promise<number> => map.getOrSet("key", () => 1);
    assert.equal(await map.getOrSet("key", async () => (await within()) + 1, { makeTimeoutMs: 20 }), 2);
    assert.equal(await map.get("key"), 1);
  });
});
