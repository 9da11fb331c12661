/** Why answers were errors, for people. Pure. */

import type { Sample } from "../types.ts";

const CONNECTION: Readonly<Record<string, string>> = {
  refused: "connection refused",
  unknown: "no such host",
  tls: "no connection over TLS",
  reset: "connection reset",
  cut: "the answer was cut off",
  timeout: "no answer in time",
  malformed: "no HTTP/1.1 answer",
  generator: "no connection could be opened",
};

/** The most frequent one. undefined: there was no error. */
export function mainCause(samples: readonly Pick<Sample, "errorsByCause">[]): string | undefined {
  const counts = new Map<string, number>();
  for (const [cause, errors] of samples.flatMap(({ errorsByCause }) => Object.entries(errorsByCause))) {
    counts.set(cause, (counts.get(cause) ?? 0) + errors);
  }
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
}

/** `status 429`, `connection reset` */
export function causeInWords(cause: string): string {
  return /^\d/.test(cause) ? `status ${cause}` : (CONNECTION[cause] ?? cause);
}
