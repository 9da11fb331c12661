import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  judge,
  median,
  percentile,
  ratiosByRound,
  seededRandom,
  shuffled,
  spread,
} from "../../bench/harness/ratios.ts";

describe("the arithmetic of a comparison", () => {
  it("takes the middle value, or the mean of the middle two, as the median", () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.ok(Number.isNaN(median([])));
  });

  it("takes percentiles by nearest rank", () => {
    const values = Array.from({ length: 100 }, (_, index) => index + 1);
    assert.equal(percentile(values, 0.5), 50);
    assert.equal(percentile(values, 0.99), 99);
    assert.equal(percentile([7], 0.99), 7);
  });

  it("compares within a round, so a machine that slows down between rounds changes nothing", () => {
    const ratios = ratiosByRound([90, 45, 9], [100, 50, 10]);
    assert.deepEqual(ratios, [0.9, 0.9, 0.9]);
  });

  it("gives no ratio for a round in which a side is missing or the reference is zero", () => {
    assert.deepEqual(ratiosByRound([1, undefined, 3, 4], [2, 2, undefined, 0]), [0.5, undefined, undefined, undefined]);
  });

  it("leaves missing rounds out of a spread, and says nothing about nothing", () => {
    assert.deepEqual(spread([3, undefined, 1, 2]), { median: 2, min: 1, max: 3, count: 3 });
    assert.equal(spread([undefined]), undefined);
  });

  it("judges a speed by the median of its ratios", () => {
    const target = { metric: "speed", contender: "a", against: "b", atLeast: 0.97, over: "median" } as const;
    assert.equal(judge(target, [90, 98, 99], [100, 100, 100]).verdict, "reached");
    assert.equal(judge(target, [90, 96, 99], [100, 100, 100]).verdict, "not reached");
  });

  it("judges a promise by every single round", () => {
    const target = { metric: "failed", contender: "a", atMost: 0, over: "every round" } as const;
    assert.equal(judge(target, [0, 0, 0], undefined).verdict, "reached");
    assert.equal(judge(target, [0, 0, 1], undefined).verdict, "not reached");
  });

  it("never takes equal for more", () => {
    const target = { metric: "speed", contender: "a", against: "b", moreThan: 1, over: "median" } as const;
    assert.equal(judge(target, [100], [100]).verdict, "not reached");
    assert.equal(judge(target, [101], [100]).verdict, "reached");
  });

  it("doesn't judge what was not measured", () => {
    const target = { metric: "speed", contender: "a", against: "b", atLeast: 1, over: "median" } as const;
    assert.equal(judge(target, [1, 2], []).verdict, "not measured");
  });

  it("repeats an order when the seed is the same", () => {
    const items = ["a", "b", "c", "d", "e", "f"];
    const order = shuffled(items, seededRandom(7));
    assert.deepEqual(order, shuffled(items, seededRandom(7)));
    assert.deepEqual(order.toSorted(), items);
  });

  it("puts every contender in every place over many rounds", () => {
    const random = seededRandom(1);
    const firsts = Array.from({ length: 300 }, () => shuffled(["a", "b", "c"], random)[0]);
    for (const item of ["a", "b", "c"]) assert.ok(firsts.filter((first) => first === item).length > 60);
  });
});
