/** Milliseconds of the monotonic clock, comparable between threads and processes of one machine. */
export function monotonicMs(): number {
  const [seconds, nanos] = process.hrtime();
  return seconds * 1000 + nanos / 1e6;
}
