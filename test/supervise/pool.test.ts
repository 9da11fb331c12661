import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FakeMembers, fixedRules } from "./fake-members.ts";

describe("a fixed pool", () => {
  test("starts the first alone, then the others, and is booted when all are ready", async () => {
    const fake = new FakeMembers({ wanted: 3, rules: { firstAlone: true } });
    const booted = fake.pool.boot();
    assert.deepEqual(fake.states(), ["0 starting"]);
    fake.ready(0);
    assert.deepEqual(fake.states(), ["0 ready", "1 starting", "2 starting"]);
    fake.ready(1);
    fake.ready(2);
    await booted;
  });

  test("that boots is all or nothing: one failure rejects, and nobody is started again", async () => {
    const fake = new FakeMembers({ wanted: 3 });
    const booted = fake.pool.boot();
    fake.ready(0);
    fake.die(1, new Error("broken"));
    await assert.rejects(booted, /broken/);
    fake.clock.advance(60_000);
    assert.equal(fake.started, 3);
    const closed = fake.pool.close("recycle", 0);
    fake.endAll();
    await closed;
    assert.deepEqual(fake.states(), []);
  });

  test("that cannot start one fails with that error", async () => {
    const fake = new FakeMembers({ wanted: 2 });
    fake.refuseToStart = new Error("no more threads");
    await assert.rejects(fake.pool.boot(), /no more threads/);
  });

  test("replaces an isolated death at once, at the same place", async () => {
    const fake = await FakeMembers.booted(3);
    fake.clock.advance(60_000);
    fake.die(1);
    assert.deepEqual(fake.states(), ["0 ready", "2 ready", "1 starting"]);
  });

  test("has each place rest for its own deaths: eight first deaths at once cost one delay each", async () => {
    const fake = await FakeMembers.booted(8);
    fake.refuseToStart = new Error("refused");
    for (let place = 0; place < 8; place++) fake.die(place);
    assert.deepEqual(fake.states(), []);
    fake.refuseToStart = undefined;
    fake.clock.advance(100);
    assert.equal(fake.states().length, 8);
  });

  test("backs off from a place that keeps dying, and never spins", async () => {
    const fake = await FakeMembers.booted(1);
    fake.refuseToStart = new Error("refused");
    fake.die(0);
    fake.clock.advance(60_000);
    assert.ok(fake.refused >= 8 && fake.refused <= 12, String(fake.refused));
  });

  test("lets a member that is to be replaced go on until its successor is ready", async () => {
    const fake = await FakeMembers.booted(1);
    fake.pool.replace(fake.at(0), "recycle");
    assert.deepEqual(fake.states(), ["0 ready", "0 starting"]);
    fake.readyNewest(0);
    assert.deepEqual(fake.states(), ["0 draining (recycle)", "0 ready"]);
    fake.endOldest(0);
    assert.deepEqual(fake.states(), ["0 ready"]);
  });

  test("remembers a wish from before the member was ready", async () => {
    const fake = new FakeMembers({ wanted: 1 });
    const booted = fake.pool.boot();
    fake.pool.replace(fake.at(0), "recycle");
    fake.ready(0);
    await booted;
    assert.deepEqual(fake.states(), ["0 ready"]);
    fake.pool.commit();
    fake.clock.advance(100);
    assert.deepEqual(fake.states(), ["0 ready", "0 starting"]);
  });

  test("tries again when the successor does not get ready, and the old member serves on", async () => {
    const fake = await FakeMembers.booted(1);
    fake.pool.replace(fake.at(0), "recycle");
    fake.die(0);
    assert.deepEqual(fake.states(), ["0 ready"]);
    fake.clock.advance(1000);
    assert.deepEqual(fake.states(), ["0 ready", "0 starting"]);
  });

  test("needs no other successor when the old member dies while the first one starts", async () => {
    const fake = await FakeMembers.booted(1);
    fake.pool.replace(fake.at(0), "recycle");
    fake.pool.gone(fake.pool.members[0]!, new Error("died"));
    assert.deepEqual(fake.states(), ["0 starting"]);
    assert.equal(fake.started, 2);
  });

  test("drains what is not wanted any more, and kills what of it only starts", async () => {
    const fake = await FakeMembers.booted(3);
    fake.die(2);
    fake.wanted = 1;
    fake.pool.look();
    assert.deepEqual(fake.states(), ["0 ready", "1 draining (scale)", "2 killed"]);
  });

  test("keeps what is not wanted any more while it stands in for a place that has nobody who is ready", async () => {
    const fake = await FakeMembers.booted(4);
    fake.die(0);
    fake.wanted = 2;
    fake.pool.look();
    assert.deepEqual(fake.states(), ["1 ready", "2 ready", "3 draining (scale)", "0 starting"]);
    fake.ready(0);
    assert.deepEqual(fake.states(), ["1 ready", "2 draining (scale)", "3 draining (scale)", "0 ready"]);
  });

  test("that grows is all or nothing for the new ones, and repairs the old ones meanwhile", async () => {
    const fake = await FakeMembers.booted(1);
    fake.wanted = 3;
    const grown = fake.pool.grow(1);
    fake.die(0);
    assert.deepEqual(fake.states(), ["1 starting", "2 starting", "0 starting"]);
    fake.die(2, new Error("broken"));
    await assert.rejects(grown, /broken/);
    assert.deepEqual(fake.states(), ["1 killed", "0 starting"]);
    fake.wanted = 1;
    fake.pool.commit();
    fake.ready(0);
    fake.endAllKilled();
    assert.deepEqual(fake.states(), ["0 ready"]);
  });

  for (const how of ["drains", "is killed"]) {
    test(`that grows again is not disturbed by one of before that ${how} at the same place`, async () => {
      const fake = await FakeMembers.booted(2);
      const old = fake.at(1);
      fake.wanted = 1;
      fake.pool.look();
      if (how === "is killed") fake.pool.kill(old, new Error("it did not end"));
      fake.wanted = 2;
      const grown = fake.pool.grow(1);
      assert.equal(fake.states()[2], "1 starting");
      assert.equal(fake.pool.isOnTrial(old), false);
      fake.pool.gone(old, undefined);
      assert.deepEqual(fake.states(), ["0 ready", "1 starting"]);
      fake.ready(1);
      await grown;
      assert.equal(fake.pool.trialError, undefined);
    });
  }

  test("kills who is not ready in time, says why, and tries again", async () => {
    const fake = await FakeMembers.booted(1);
    fake.die(0);
    fake.clock.advance(fixedRules.startTimeoutMs);
    assert.deepEqual(fake.states(), ["0 killed", "0 starting"]);
    assert.equal(fake.pool.members[0]!.error?.message, "start-timeout");
  });

  test("kills who has not drained by the deadline, and tells who does not end even then", async () => {
    const fake = await FakeMembers.booted(1);
    fake.pool.drain(fake.at(0), "recycle", 1000);
    fake.readyNewest(0);
    fake.clock.advance(1000 + fixedRules.drainMarginMs);
    assert.equal(fake.states()[0], "0 killed");
    fake.clock.advance(fixedRules.killPatienceMs);
    assert.equal(fake.stuck, 1);
    fake.clock.advance(10_000);
    assert.equal(fake.stuck, 1);
  });

  test("kills who is silent, but not when this program itself was stopped", async () => {
    const fake = await FakeMembers.booted(1, { silenceMs: 5000 });
    fake.clock.jump(60_000);
    assert.equal(fake.states()[0], "0 ready");
    fake.clock.advance(4000);
    fake.pool.heard(fake.at(0));
    fake.clock.advance(4900);
    assert.equal(fake.states()[0], "0 ready");
    fake.clock.advance(100);
    assert.equal(fake.states()[0], "0 killed");
  });

  test("nor when it was stopped for little longer than it may be silent, or its next look comes too late", async () => {
    const fake = await FakeMembers.booted(1, { silenceMs: 1000 });
    for (let i = 0; i < 5; i++) {
      fake.clock.jump(1500);
      assert.equal(fake.states()[0], "0 ready");
      fake.pool.heard(fake.at(0));
      fake.clock.advance(250);
    }
    fake.clock.advance(1000);
    assert.equal(fake.states()[0], "0 killed");
  });

  test("does not refill a place beside one that is being killed, if told so", async () => {
    const fake = await FakeMembers.booted(1, { refill: "after-kill" });
    fake.clock.advance(60_000);
    fake.pool.kill(fake.at(0), new Error("blocked"));
    assert.deepEqual(fake.states(), ["0 killed"]);
    fake.endOldest(0);
    assert.deepEqual(fake.states(), ["0 starting"]);
  });

  test("nor beside one that it kills itself", async () => {
    const fake = await FakeMembers.booted(1, { refill: "after-kill", silenceMs: 5000 });
    fake.clock.advance(60_000);
    assert.deepEqual(fake.states(), ["0 killed"]);
    fake.endOldest(0);
    assert.deepEqual(fake.states(), ["0 starting"]);
  });

  test("replaces a member only when it has ended, if told so", async () => {
    const fake = await FakeMembers.booted(1, { refill: "after-end" });
    fake.clock.advance(60_000);
    fake.pool.replace(fake.at(0), "recycle");
    assert.deepEqual(fake.states(), ["0 draining (recycle)"]);
    fake.clock.advance(1000);
    assert.deepEqual(fake.states(), ["0 draining (recycle)"]);
    fake.endOldest(0);
    assert.deepEqual(fake.states(), ["0 starting"]);
  });

  test("takes a message that comes too late for what it is", async () => {
    const fake = await FakeMembers.booted(1);
    const [member] = fake.pool.members;
    fake.pool.kill(member!, undefined);
    fake.pool.ready(member!);
    assert.equal(member!.state.name, "killed");
    fake.pool.gone(member!, undefined);
    fake.pool.gone(member!, new Error("twice"));
    assert.equal(fake.started, 2);
  });

  test("closes at once if it was never opened", async () => {
    const fake = new FakeMembers({ wanted: 2 });
    await fake.pool.close("stop", 1000);
    fake.clock.advance(60_000);
    assert.equal(fake.started, 0);
    assert.equal(fake.clock.pending, 0);
  });

  test("closes: the nearest deadline and the most urgent reason count", async () => {
    const fake = await FakeMembers.booted(2);
    fake.die(1);
    const closed = fake.pool.close("reload", 5000);
    assert.deepEqual(fake.states(), ["0 draining (reload)", "1 killed"]);
    void fake.pool.close("stop", 9000);
    assert.deepEqual(fake.drains, ["0 reload 5000", "0 stop 5000"]);
    void fake.pool.close("reload", 100);
    assert.deepEqual(fake.drains.at(-1), "0 stop 100");
    fake.endAll();
    await closed;
    fake.clock.advance(60_000);
    assert.equal(fake.started, 3);
    assert.equal(fake.clock.pending, 0, "no timer is left");
  });
});

describe("an elastic pool", () => {
  test("fills the lowest free places, up to as many as there are", async () => {
    const fake = await FakeMembers.booted(2, { kind: "elastic" }, 3);
    fake.wanted = 9;
    fake.pool.look();
    assert.deepEqual(fake.states(), ["0 ready", "1 ready", "2 starting"]);
  });

  test("never has two at one place: the replacement waits for the one that drains", async () => {
    const fake = await FakeMembers.booted(2, { kind: "elastic" }, 2);
    fake.clock.advance(60_000);
    fake.pool.replace(fake.at(0), "replace");
    assert.deepEqual(fake.states(), ["0 draining (replace)", "1 ready"]);
    fake.endOldest(0);
    assert.deepEqual(fake.states(), ["1 ready", "0 starting"]);
  });

  test("replaces one that drains at another place, where there is one", async () => {
    const fake = await FakeMembers.booted(1, { kind: "elastic" }, 2);
    fake.clock.advance(60_000);
    fake.pool.replace(fake.at(0), "replace");
    assert.deepEqual(fake.states(), ["0 draining (replace)", "1 starting"]);
  });

  test("does not move on to other places in a crash loop", async () => {
    const fake = await FakeMembers.booted(2, { kind: "elastic" }, 100);
    fake.refuseToStart = new Error("refused");
    fake.die(0);
    fake.die(1);
    fake.clock.advance(60_000);
    assert.ok(fake.refused <= 24, String(fake.refused));
    fake.refuseToStart = undefined;
    fake.clock.advance(31_000);
    assert.equal(fake.states().length, 2);
  });

  test("starts only so many at once", async () => {
    const fake = await FakeMembers.booted(0, { kind: "elastic", startingAtOnce: 2 }, 8);
    fake.wanted = 5;
    fake.pool.look();
    assert.deepEqual(fake.states(), ["0 starting", "1 starting"]);
    fake.ready(0);
    assert.deepEqual(fake.states(), ["0 ready", "1 starting", "2 starting"]);
  });

  test("lets its owner choose who leaves when fewer are wanted", async () => {
    const fake = await FakeMembers.booted(3, { kind: "elastic" }, 3);
    fake.wanted = 1;
    fake.pool.look();
    assert.deepEqual(fake.states(), ["0 ready", "1 ready", "2 ready"]);
    fake.pool.drain(fake.at(1), "idle", 0);
    assert.deepEqual(fake.states(), ["0 ready", "1 draining (idle)", "2 ready"]);
  });

  test("starts one more on demand, which is told how long its own place still rests", () => {
    const fake = new FakeMembers({ wanted: 0, places: 3, rules: { kind: "elastic" } });
    fake.pool.open();
    assert.deepEqual([fake.pool.add()?.delayMs, fake.pool.add()?.delayMs], [0, 0]);
    fake.die(0);
    assert.deepEqual(fake.states(), ["1 starting"], "nobody asked for another");
    assert.ok(fake.pool.add()!.delayMs > 0, "its place has seen a death");
    assert.equal(fake.pool.add()?.delayMs, 0, "this one has not");
    assert.equal(fake.pool.add(), undefined);
  });
});
