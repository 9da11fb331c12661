/** Order statistics and means of plain arrays. None of them changes its argument; each needs at least one number. */

/** A Float64Array sorts numbers as such, several times faster than an array with a comparison: the bootstrap is mostly this. */
export function sorted(numbers: readonly number[]): Float64Array {
  return Float64Array.from(numbers).sort();
}

/** Of numbers in ascending order; interpolates between neighbours (R's type 7). */
export function quantileOfSorted(ascending: ArrayLike<number>, share: number): number {
  const at = (ascending.length - 1) * share;
  const below = Math.floor(at);
  const low = ascending[below] as number;
  const high = ascending[Math.min(below + 1, ascending.length - 1)] as number;
  return low + (high - low) * (at - below);
}

export function median(numbers: readonly number[]): number {
  return quantileOfSorted(sorted(numbers), 0.5);
}

export function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
