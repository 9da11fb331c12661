/** The order in which the requests of a scenario are sent. */

/** More entries make the shares more exact; this many are within 0.1 %. */
const LARGEST_DECK = 1000;

/**
 * A deck of request numbers in which each stands as often as its weight says. It is shuffled anew each time it was dealt: the
 * shares are exact, and no request always follows the same other one.
 */
export class Deck {
  readonly #cards: number[];
  readonly #random: () => number;
  #next: number;

  constructor(weights: readonly number[], random: () => number = Math.random) {
    this.#cards = cardsOf(weights);
    this.#random = random;
    this.#next = this.#cards.length;
  }

  deal(): number {
    if (this.#cards.length === 1) return this.#cards[0]!;
    if (this.#next === this.#cards.length) this.#shuffle();
    return this.#cards[this.#next++]!;
  }

  #shuffle(): void {
    const cards = this.#cards;
    for (let index = cards.length - 1; index > 0; index--) {
      const other = Math.floor(this.#random() * (index + 1));
      [cards[index], cards[other]] = [cards[other]!, cards[index]!];
    }
    this.#next = 0;
  }
}

function cardsOf(weights: readonly number[]): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const whole = weights.every((weight) => Number.isInteger(weight)) && sum <= LARGEST_DECK;
  const scale = whole ? 1 : LARGEST_DECK / sum;
  const cards = weights.flatMap((weight, index) =>
    Array<number>(weight > 0 ? Math.max(1, Math.round(weight * scale)) : 0).fill(index),
  );
  if (new Set(cards).size === 1) return cards.slice(0, 1);
  return cards;
}
