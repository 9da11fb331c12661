/**
 * Latencies in an HDR histogram's log-linear buckets: 1,024 per power of two, so a percentile is at most 0.1 % too high. The unit
 * is 0.1 µs. Values of up to 214 s are told apart; longer ones count as that.
 *
 * Rejected: `perf_hooks.createHistogram()`: a native call per record, and its buckets can't be read. kit/latency-histogram.ts: 32
 * buckets per power of two are exact enough for a running server, and an error of 3 % is too much here.
 */

const SUB_BUCKET_BITS = 10;
const SUB_BUCKETS = 1 << SUB_BUCKET_BITS;
const LARGEST = 0x7fffffff;
const BUCKETS = SUB_BUCKETS * (31 - SUB_BUCKET_BITS + 1);
const UNITS_PER_MS = 10_000;

export class Histogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  get count(): number {
    return this.#count;
  }

  get meanMs(): number {
    return this.#count === 0 ? 0 : this.#sumMs / this.#count;
  }

  get maxMs(): number {
    return this.#maxMs;
  }

  record(ms: number): void {
    const units = ms * UNITS_PER_MS;
    const value = units >= LARGEST ? LARGEST : units < 0 ? 0 : units | 0;
    let index = value;
    if (value >= SUB_BUCKETS) {
      const shift = 31 - Math.clz32(value) - SUB_BUCKET_BITS;
      index = ((shift + 1) << SUB_BUCKET_BITS) | ((value >>> shift) & (SUB_BUCKETS - 1));
    }
    this.#counts[index]!++;
    this.#count++;
    this.#sumMs += ms;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  /** The smallest value that at least this share (0 to 1) of all values do not exceed. 0 if there is none. */
  percentile(share: number): number {
    const rank = Math.max(1, Math.ceil(this.#count * share));
    let seen = 0;
    for (let index = 0; index < BUCKETS; index++) {
      seen += this.#counts[index]!;
      if (seen >= rank) return Math.min(topMs(index), this.#maxMs);
    }
    return this.#maxMs;
  }

  /** `perDoubling` log-spaced buckets in each power of two; those that are empty are left out. */
  buckets(perDoubling = 8): [upToMs: number, count: number][] {
    const joined: [number, number][] = [];
    const every = SUB_BUCKETS / perDoubling;
    let count = 0;
    for (let index = 0; index < BUCKETS; index++) {
      count += this.#counts[index]!;
      if ((index + 1) % every !== 0 || count === 0) continue;
      joined.push([topMs(index), count]);
      count = 0;
    }
    return joined;
  }
}

/** The upper bound of a bucket. */
function topMs(index: number): number {
  if (index < SUB_BUCKETS) return (index + 1) / UNITS_PER_MS;
  const shift = (index >>> SUB_BUCKET_BITS) - 1;
  return ((SUB_BUCKETS + (index & (SUB_BUCKETS - 1)) + 1) * 2 ** shift) / UNITS_PER_MS;
}
