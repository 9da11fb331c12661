/** Who makes a missing value, when many ask for it. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Answer, NO_TTL, STATUS } from "../../../src/shared/protocol.ts";
import type { Client } from "../../../src/shared/store/leases.ts";
import { client, TestStore } from "./support.ts";

/** Claims by one client, with what it was answered. */
class Claimer {
  readonly client: Client = client();
  readonly answers: Answer[] = [];
  readonly #it: TestStore;

  constructor(it: TestStore) {
    this.#it = it;
  }

  claim(key = "key", ttlMs = 1000): this {
    this.#it.later("claim", key, (answer) => this.answers.push(answer), { ttlMs }, this.client);
    return this;
  }

  get lease(): number {
    const { status, number } = this.answers.at(-1)!;
    assert.equal(status, STATUS.granted);
    return number;
  }

  get text(): string | undefined {
    return this.answers.at(-1)?.value.toString();
  }
}

function fill(it: TestStore, lease: number): number {
  return it.ask("fill", "key", { number: lease, value: Buffer.from("made") }).status;
}

describe("a claim", () => {
  test("without a time limit is held until its value is there", (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const it = new TestStore();
    const [a, b] = [new Claimer(it).claim("key", NO_TTL), new Claimer(it).claim()] as const;
    // Something else has a time, so the store looks for what is over.
    it.ask("set", "other", { ttlMs: 10, value: Buffer.from("x") });
    it.nowMs += 3_600_000;
    t.mock.timers.tick(500);
    assert.deepEqual(b.answers, []);
    assert.equal(fill(it, a.lease), STATUS.ok);
    assert.equal(b.text, "made");
  });

  test("is granted to the first, and those who wait get its value", () => {
    const it = new TestStore();
    const [a, b, c] = [new Claimer(it).claim(), new Claimer(it).claim(), new Claimer(it).claim()];
    assert.ok(a.lease > 0);
    assert.deepEqual([b.answers, c.answers], [[], []]);
    assert.equal(fill(it, a.lease), STATUS.ok);
    assert.deepEqual([b.text, c.text], ["made", "made"]);
    assert.equal(new Claimer(it).claim().text, "made");
  });

  test("goes to the next if its holder fails, is gone, or takes too long", (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const it = new TestStore();
    const [a, b, c, d] = [1, 2, 3, 4].map(() => new Claimer(it).claim()) as [Claimer, Claimer, Claimer, Claimer];
    it.ask("release", "key", { number: a.lease });
    assert.ok(b.lease > a.lease);
    assert.equal(c.answers.length, 0);
    it.store.gone(b.client);
    assert.ok(c.lease > b.lease);
    it.nowMs += 1001;
    t.mock.timers.tick(500);
    assert.ok(d.lease > c.lease);
    for (const late of [a, b, c]) assert.equal(fill(it, late.lease), STATUS.no);
    assert.equal(fill(it, d.lease), STATUS.ok);
  });

  test("does not go to one that waited and is gone", () => {
    const it = new TestStore();
    const [a, b, c] = [new Claimer(it).claim(), new Claimer(it).claim(), new Claimer(it).claim()];
    it.store.gone(b.client);
    it.ask("release", "key", { number: a.lease });
    assert.equal(b.answers.length, 0);
    assert.ok(c.lease > 0);
  });

  test("ends when the key is set meanwhile: those who wait get that value, and the one that is made is dropped", () => {
    const it = new TestStore();
    const [a, b] = [new Claimer(it).claim(), new Claimer(it).claim()];
    it.set("key", "set");
    assert.equal(b.text, "set");
    assert.equal(fill(it, a.lease), STATUS.no);
    assert.equal(it.get("key"), "set");
  });

  test("is void when the key is deleted meanwhile, also if it had no value: what is made may be old", () => {
    const it = new TestStore();
    const [a, b] = [new Claimer(it).claim(), new Claimer(it).claim()];
    it.ask("delete", "key");
    assert.equal(fill(it, a.lease), STATUS.no);
    assert.equal(fill(it, b.lease), STATUS.ok);
    const c = new Claimer(it).claim("other");
    it.ask("clear", "");
    assert.equal(it.ask("fill", "other", { number: c.lease, value: Buffer.from("made") }).status, STATUS.no);
  });

  test("beyond a thousand of one client is granted for itself only", () => {
    const it = new TestStore();
    const flood = new Claimer(it);
    for (let i = 0; i < 1024; i++) flood.claim(`${i}`);
    assert.equal(flood.claim("more").lease, 0);
    assert.equal(it.ask("fill", "more", { number: 0, value: Buffer.from("made") }).status, STATUS.no);
    it.store.gone(flood.client);
    assert.ok(new Claimer(it).claim("1").lease > 0);
  });

  test("on a key whose filled value has been evicted at once is granted for itself", () => {
    const it = new TestStore({ maxBytes: 400 });
    const [a, b] = [new Claimer(it).claim(), new Claimer(it).claim()];
    fill(it, a.lease);
    assert.equal(b.text, "made");
    it.set("other", "x".repeat(100));
    assert.equal(it.get("key"), undefined);
  });
});
