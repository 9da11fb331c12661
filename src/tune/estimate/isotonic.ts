/**
 * Isotonic regression: the ascending row of numbers that is nearest to the given one by weighted least squares. Pool adjacent
 * violators: wherever a value is below the one before it, both become their weighted mean. O(n).
 */

import { bad, isPositive } from "./input.ts";

/**
 * @param weights Of each value, above 0; for a mean of repetitions how many there were. Default: all 1.
 * @returns As many numbers as `values`, none below the one before it.
 */
export function isotonic(values: readonly number[], weights?: readonly number[]): number[] {
  if (!Array.isArray(values)) throw bad("values", values, "an array of numbers");
  if (weights !== undefined && weights.length !== values.length) {
    throw bad("weights.length", weights.length, `the length of values, ${values.length}`);
  }
  const blocks: Block[] = [];
  for (const [at, value] of (values as readonly number[]).entries()) {
    if (!Number.isFinite(value)) throw bad(`values[${at}]`, value, "a finite number");
    const weight = weights === undefined ? 1 : weights[at];
    if (!isPositive(weight)) throw bad(`weights[${at}]`, weight, "a finite number above 0");
    let block: Block = { value, weight, length: 1 };
    for (let before = blocks.at(-1); before !== undefined && before.value > block.value; before = blocks.at(-1)) {
      blocks.pop();
      block = {
        value: meanOf(before, block),
        weight: Math.min(Number.MAX_VALUE, before.weight + block.weight),
        length: before.length + block.length,
      };
    }
    blocks.push(block);
  }
  return blocks.flatMap((block) => Array.from({ length: block.length }, () => block.value));
}

interface Block {
  readonly value: number;
  readonly weight: number;
  readonly length: number;
}

function meanOf(a: Block, b: Block): number {
  const mean = (a.value * a.weight + b.value * b.weight) / (a.weight + b.weight);
  // A sum that is more than a number holds. By shares the mean is less exact, and never more than the larger value.
  return Number.isFinite(mean) ? mean : a.value / (1 + b.weight / a.weight) + b.value / (1 + a.weight / b.weight);
}
