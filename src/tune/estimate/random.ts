/**
 * Random numbers from a seed, so that an estimate of the same numbers is the same estimate everywhere. Mulberry32: 32 bits of state,
 * uniform enough for a bootstrap. Not for secrets.
 */

/** The next number, at least 0 and less than 1. */
export type Random = () => number;

export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
