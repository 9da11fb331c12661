/** Answers that say when their handler ran, `<who> <start ns> <end ns>`: how many handlers ran at once. */

export interface Span {
  readonly who: string;
  readonly start: bigint;
  readonly end: bigint;
}

/** Longer than any answer. */
export const SPAN_BYTES = 256;

export function parseSpan(body: string): Span {
  const [who = "", start = "0", end = "0"] = body.trim().split(" ");
  return { who, start: BigInt(start), end: BigInt(end) };
}

/** The most spans at one moment. An end counts before a start at the same nanosecond. */
export function overlap(spans: readonly Span[]): number {
  const edges = spans.flatMap(({ start, end }) => [
    { at: start, by: 1 },
    { at: end, by: -1 },
  ]);
  edges.sort((a, b) => (a.at === b.at ? a.by - b.by : a.at < b.at ? -1 : 1));
  let now = 0;
  let most = 0;
  for (const { by } of edges) most = Math.max(most, (now += by));
  return most;
}

export function overlapPerWorker(spans: readonly Span[]): number {
  return Math.max(
    0,
    ...Map.groupBy(spans, ({ who }) => who)
      .values()
      .map(overlap),
  );
}
