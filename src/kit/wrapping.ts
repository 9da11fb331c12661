/** Counts that wrap on purpose. A word of shared memory has 32 bits, so a count that only grows wraps from 2^32 - 1 to 0.
 * Such a count is an unsigned number from 0 to 2^32 - 1 on both sides, and two of them are compared by their distance
 * modulo 2^32, never with `<`. That is right as long as the two are less than 2^31 apart.
 *
 * A typed array gives such a number only as a Uint32Array. An Int32Array reads everything from 2^31 on as negative.
 */

/** The count after this one. */
export function next(count: number): number {
  return (count + 1) >>> 0;
}

/** The count before this one. */
export function previous(count: number): number {
  return (count - 1) >>> 0;
}

/** How many steps lead from one count to the other. */
export function distance(from: number, to: number): number {
  return (to - from) >>> 0;
}

/** Whether `count` comes after `other`. */
export function isAfter(count: number, other: number): boolean {
  return ((count - other) | 0) > 0;
}
