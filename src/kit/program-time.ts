/** The program's monotonic time in milliseconds, for timeouts that are measured. Tests can replace it, as the global timers
 * (native-timers.ts). The runtime measures itself by `performance.now()`.
 */

const real = (): number => performance.now();
let source = real;

export function programMs(): number {
  return source();
}

/** Returns a function that puts the real time back. */
export function replaceProgramTime(fake: () => number): () => void {
  source = fake;
  return () => {
    source = real;
  };
}
