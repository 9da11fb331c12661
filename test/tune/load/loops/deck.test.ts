import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Deck } from "../../../../src/tune/load/loops/deck.ts";

function shares(deck: Deck, count: number, kinds: number): number[] {
  const counts = Array<number>(kinds).fill(0);
  for (let index = 0; index < count; index++) counts[deck.deal()]!++;
  return counts;
}

describe("the deck of requests", () => {
  it("deals each as often as its weight says, exactly in every round", () => {
    const deck = new Deck([7, 2, 1]);
    for (let round = 0; round < 5; round++) assert.deepEqual(shares(deck, 10, 3), [7, 2, 1]);
  });

  it("deals them in a new order each round", () => {
    const deck = new Deck([5, 5]);
    const rounds = Array.from({ length: 20 }, () => Array.from({ length: 10 }, () => deck.deal()).join(""));
    assert.ok(new Set(rounds).size > 1);
  });

  it("takes weights that are fractions or huge", () => {
    assert.deepEqual(shares(new Deck([0.75, 0.25]), 1000, 2), [750, 250]);
    assert.deepEqual(shares(new Deck([3_000_000, 1_000_000]), 1000, 2), [750, 250]);
  });

  it("never leaves a request out, however small its weight is", () => {
    const [, rare] = shares(new Deck([1_000_000, 1]), 1001, 2);
    assert.equal(rare, 1);
  });

  it("has one request only: always that", () => {
    assert.deepEqual(shares(new Deck([4]), 9, 1), [9]);
  });
});
