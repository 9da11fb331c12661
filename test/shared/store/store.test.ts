/** The bounded map behind `heddle/shared`. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { KEEP_TTL, KIND, STATUS } from "../../../src/shared/protocol.ts";
import { ENTRY_BYTES } from "../../../src/shared/store/entry.ts";
import { TestStore } from "./support.ts";

describe("the store's values", () => {
  test("are what was set, small and large, and belong to the store", () => {
    const it = new TestStore();
    for (const length of [0, 1, 4096, 4097, 60_000]) {
      const value = Buffer.alloc(length, 0xfe);
      it.ask("set", "key", { value });
      value.fill(0);
      assert.deepEqual(it.ask("get", "key").value, Buffer.alloc(length, 0xfe));
    }
  });

  test("of two namespaces have nothing to do with each other, whatever their names are", () => {
    const it = new TestStore();
    it.set("bc", "1", { namespace: "a" });
    it.set("c", "2", { namespace: "ab" });
    assert.equal(it.get("bc", { namespace: "a" }), "1");
    assert.equal(it.get("abc"), undefined);
    it.ask("clear", "", { namespace: "a" });
    assert.equal(it.get("bc", { namespace: "a" }), undefined);
    assert.equal(it.get("c", { namespace: "ab" }), "2");
  });

  test("are refused if they are too large, and the old value stays", () => {
    const it = new TestStore({ maxValueBytes: 10 });
    it.set("key", "0123456789");
    assert.equal(it.set("key", "0123456789A").status, STATUS.tooLarge);
    assert.equal(it.get("key"), "0123456789");
    const tiny = new TestStore({ maxBytes: ENTRY_BYTES + 10 });
    assert.equal(tiny.set("key", "01234567").status, STATUS.tooLarge);
    assert.equal(tiny.set("key", "0123456").status, STATUS.ok);
  });

  test("are added only if the key has none, and replaced only if it has the version that was read", () => {
    const it = new TestStore();
    const value = Buffer.from("new");
    assert.equal(it.ask("add", "key", { value }).status, STATUS.ok);
    assert.equal(it.ask("add", "key", { value }).status, STATUS.no);
    const { version } = it.ask("get", "key");
    it.set("key", "other");
    const refused = it.ask("replace", "key", { value, number: version });
    assert.equal(refused.status, STATUS.no);
    assert.equal(refused.value.toString(), "other");
    assert.equal(it.ask("replace", "key", { value, number: refused.version }).status, STATUS.ok);
    assert.equal(it.get("key"), "new");
    assert.equal(it.ask("replace", "key", { number: it.ask("get", "key").version }).status, STATUS.ok);
    assert.equal(it.get("key"), undefined);
  });

  test("that are made anew never have an old version", () => {
    const it = new TestStore();
    it.set("key", "1");
    const { version } = it.ask("get", "key");
    it.ask("delete", "key");
    it.set("key", "2");
    assert.equal(it.ask("replace", "key", { value: Buffer.from("3"), number: version }).status, STATUS.no);
  });
});

describe("the store's counters", () => {
  test("begin at 0, and keep the time that they were given first", () => {
    const it = new TestStore();
    assert.equal(it.ask("increment", "hits", { number: 1, ttlMs: 60_000 }).ttlMs, 60_000);
    it.nowMs += 59_000;
    const { number, ttlMs } = it.ask("increment", "hits", { number: 2, ttlMs: 60_000 });
    assert.deepEqual([number, ttlMs], [3, 1000]);
    it.nowMs += 1000;
    assert.deepEqual(it.ask("increment", "hits", { number: 1, ttlMs: 60_000 }).number, 1);
  });

  test("are numbers that were set as well", () => {
    const it = new TestStore();
    const value = Buffer.alloc(8);
    value.writeDoubleLE(1.5);
    it.ask("set", "n", { kind: KIND.number, value });
    assert.equal(it.ask("increment", "n", { number: -2 }).number, -0.5);
  });

  test("refuse what is no number, and a sum that is not finite", () => {
    const it = new TestStore();
    it.set("text", "1");
    assert.equal(it.ask("increment", "text", { number: 1 }).status, STATUS.notANumber);
    assert.equal(it.get("text"), "1");
    it.ask("increment", "large", { number: Number.MAX_VALUE });
    assert.equal(it.ask("increment", "large", { number: Number.MAX_VALUE }).status, STATUS.notANumber);
    assert.equal(it.ask("get", "large").number, Number.MAX_VALUE);
  });
});

describe("an entry's time", () => {
  test("ends to the millisecond, however late it is freed", () => {
    const it = new TestStore();
    it.set("key", "value", { ttlMs: 100 });
    it.nowMs += 99.5;
    assert.equal(it.get("key"), "value");
    it.nowMs += 0.5;
    assert.equal(it.get("key"), undefined);
  });

  test("is set anew by set and touch, kept by a replace that says so, and taken away by a set without one", () => {
    const it = new TestStore();
    it.set("key", "value", { ttlMs: 100 });
    assert.equal(it.ask("touch", "key", { ttlMs: 500 }).status, STATUS.ok);
    assert.equal(it.ask("get", "key").ttlMs, 500);
    const { version } = it.ask("get", "key");
    it.ask("replace", "key", { value: Buffer.from("b"), number: version, ttlMs: KEEP_TTL });
    assert.equal(it.ask("get", "key").ttlMs, 500);
    it.set("key", "value");
    assert.equal(it.ask("get", "key").ttlMs, 0);
    assert.equal(it.ask("touch", "none", { ttlMs: 1 }).status, STATUS.no);
  });

  test("frees the memory without anybody asking for the key", (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const it = new TestStore({ maxBytes: 2 ** 24 });
    for (let i = 0; i < 12_000; i++) it.set(`${i}`, "value", { ttlMs: 1 + (i % 300) });
    it.set("stays", "value");
    it.nowMs += 1000;
    // One turn for each five thousand, and never more at once.
    t.mock.timers.tick(500);
    assert.ok(it.store.report.entries > 5000);
    for (let turn = 0; turn < 5; turn++) t.mock.timers.tick(1);
    assert.equal(it.store.report.entries, 1);
    assert.equal(it.store.report.bytes, ENTRY_BYTES + "stays".length + "value".length);
    assert.equal(it.store.report.evictions, 0);
  });

  test("does not matter to entries of a cleared namespace, which are freed by and by", (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const it = new TestStore({ maxBytes: 2 ** 24 });
    for (let i = 0; i < 12_000; i++) it.set(`${i}`, "value", { namespace: "a", ttlMs: i % 2 === 0 ? 10 : 0 });
    it.ask("clear", "", { namespace: "a" });
    it.set("1", "new", { namespace: "a" });
    assert.equal(it.store.report.entries, 12_001);
    it.nowMs += 1000;
    t.mock.timers.tick(500);
    for (let turn = 0; turn < 5; turn++) t.mock.timers.tick(1);
    assert.equal(it.store.report.entries, 1);
    assert.equal(it.get("1", { namespace: "a" }), "new");
  });
});

describe("a full store", () => {
  test("evicts what was used least recently, and counts it", () => {
    const cost = ENTRY_BYTES + 2;
    const it = new TestStore({ maxBytes: 3 * cost });
    for (const key of ["a", "b", "c"]) it.set(key, "1");
    it.get("a");
    it.set("d", "1");
    assert.deepEqual(
      ["a", "b", "c", "d"].map((key) => it.get(key)),
      ["1", undefined, "1", "1"],
    );
    const { entries, bytes, evictions, evictedCounters } = it.store.report;
    assert.deepEqual([entries, bytes, evictions, evictedCounters], [3, 3 * cost, 1, 0]);
  });

  test("says of each counter that it had to evict", () => {
    let told = 0;
    const it = new TestStore({ maxBytes: 2 * ENTRY_BYTES + 10, onCounterEvicted: () => told++ });
    it.ask("increment", "a", { number: 1, ttlMs: 1000 });
    it.set("b", "1");
    it.set("c", "1");
    assert.deepEqual([told, it.store.report.evictedCounters, it.store.report.evictions], [1, 1, 1]);
  });

  test("evicts nothing that is used while there are entries whose time is over", () => {
    const it = new TestStore({ maxBytes: 3 * ENTRY_BYTES + 20 });
    it.set("used", "1");
    it.set("over", "1", { ttlMs: 5 });
    it.set("used too", "1");
    it.nowMs += 6;
    it.set("new", "1");
    assert.equal(it.get("used"), "1");
    assert.equal(it.store.report.evictions, 0);
  });

  test("makes room for a value that grows, and never evicts that one", () => {
    const it = new TestStore({ maxBytes: 3 * ENTRY_BYTES });
    it.set("a", "1");
    it.set("b", "1");
    it.set("a", "x".repeat(2 * ENTRY_BYTES - 10));
    assert.equal(it.get("b"), undefined);
    assert.equal(it.get("a")?.length, 2 * ENTRY_BYTES - 10);
  });

  test("stays within its limit under random operations, and counts its bytes exactly", () => {
    const it = new TestStore({ maxBytes: 20_000 });
    let seed = 7;
    const random = (below: number): number => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) % below;
    for (let i = 0; i < 20_000; i++) {
      const key = `k${random(200)}`;
      const namespace = random(10) === 0 ? "other" : "";
      const ttlMs = random(3) === 0 ? 1 + random(50) : 0;
      const kind = random(8);
      if (kind < 3) it.set(key, "x".repeat(random(1500)), { namespace, ttlMs });
      else if (kind < 5) it.ask("increment", key, { namespace, ttlMs, number: 1 });
      else if (kind < 6) it.ask("delete", key, { namespace });
      else if (kind < 7) it.ask("touch", key, { namespace, ttlMs });
      else if (random(100) === 0) it.ask("clear", "", { namespace });
      it.nowMs += random(3);
      assert.ok(it.store.report.bytes <= 20_000);
    }
    it.ask("clear", "");
    it.ask("clear", "", { namespace: "other" });
    it.nowMs += 100;
    // The last one makes room, which frees all the others.
    it.set("last", "x".repeat(19_000));
    assert.equal(it.store.report.bytes, ENTRY_BYTES + 4 + 19_000);
    it.store.close();
  });
});
