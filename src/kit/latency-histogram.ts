/**
 * Latency counts in log-linear buckets (the shape of an HDR histogram): 32 buckets per power of two, so a
 * quantile is at most 3.2 % too high, from 1 µs to 35 minutes in 4 KiB.
 *
 * The counts live in a caller's Uint32Array: one thread writes them, any thread may read them at any time
 * (a torn read is off by one request). So the acceptor can read the p99 of a thread that is blocked. A count
 * wraps at 2^32; the reader continues the count (server/worker/report/row-totals.ts).
 *
 * Rejected: `perf_hooks.createHistogram()`: a native call per record, and a blocked owner can't be asked for it.
 */

const SUB_BUCKET_BITS = 5;
const SUB_BUCKETS = 1 << SUB_BUCKET_BITS;
/** 27 powers of two above the linear part: values up to 2^31 µs. */
export const HISTOGRAM_BUCKETS: number = SUB_BUCKETS * 28;

/** The bucket a duration falls into. `micros`: microseconds, any finite number. */
export function bucketOf(micros: number): number {
  const value = micros >= 0x7fffffff ? 0x7fffffff : micros | 0;
  if (value < SUB_BUCKETS) return value < 0 ? 0 : value;
  const exponent = 31 - Math.clz32(value);
  const shift = exponent - SUB_BUCKET_BITS;
  return ((shift + 1) << SUB_BUCKET_BITS) | ((value >>> shift) & (SUB_BUCKETS - 1));
}

/** The largest duration (µs) that falls into `bucket`. */
export function bucketTop(bucket: number): number {
  if (bucket < SUB_BUCKETS) return bucket;
  const shift = (bucket >>> SUB_BUCKET_BITS) - 1;
  return (SUB_BUCKETS + (bucket & (SUB_BUCKETS - 1)) + 1) * 2 ** shift - 1;
}

export interface LatencySummary {
  readonly count: number;
  /** Milliseconds; null while nothing was recorded. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
}

/** p50, p95 and p99 of the given counts. */
export function summarise(counts: ArrayLike<number>): LatencySummary {
  let count = 0;
  for (let i = 0; i < counts.length; i++) count += counts[i]!;
  return {
    count,
    p50Ms: quantile(counts, count, 0.5),
    p95Ms: quantile(counts, count, 0.95),
    p99Ms: quantile(counts, count, 0.99),
  };
}

function quantile(counts: ArrayLike<number>, total: number, q: number): number | null {
  if (total === 0) return null;
  const rank = Math.ceil(total * q);
  let seen = 0;
  for (let i = 0; i < counts.length; i++) {
    seen += counts[i]!;
    if (seen >= rank) return bucketTop(i) / 1000;
  }
  return null;
}

/** Only the buckets that hold something, as `[bucket, count]` pairs: small enough for a message. */
export type SparseCounts = readonly (readonly [bucket: number, count: number])[];

/** Most parts hold nothing, and are compared natively: a loop over all buckets would soon have V8 load its optimizing compiler, 5 MB. */
const PART = 32;
const NOTHING = new Uint8Array(PART * Float64Array.BYTES_PER_ELEMENT);

export function toSparse(counts: Float64Array | Uint32Array): SparseCounts {
  const pairs: [number, number][] = [];
  const { buffer, byteOffset, BYTES_PER_ELEMENT: size } = counts;
  for (let from = 0; from < counts.length; from += PART) {
    const to = Math.min(from + PART, counts.length);
    const bytes = new Uint8Array(buffer, byteOffset + from * size, (to - from) * size);
    if (Buffer.compare(bytes, NOTHING.subarray(0, bytes.length)) === 0) continue;
    for (let i = from; i < to; i++) if (counts[i]! !== 0) pairs.push([i, counts[i]!]);
  }
  return pairs;
}

export function addSparse(into: Float64Array | Uint32Array, sparse: SparseCounts): void {
  for (const [bucket, count] of sparse) into[bucket] = (into[bucket] ?? 0) + count;
}
