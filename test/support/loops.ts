/** Whether a loop of operations that need not wait lets timers and I/O run. */

/** So many take longer than the longest round (runtime/run-queue.ts) many times over. */
const MANY = 2_000_000;

/** Performs the operation, whether it succeeds or fails, until the event loop has turned. False: it has not, after very many. */
export async function lets(operation: () => unknown): Promise<boolean> {
  const loop = { hasTurned: false };
  setImmediate(() => (loop.hasTurned = true));
  for (let n = 0; n < MANY && !loop.hasTurned; n++) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- that is what is tested
      await operation();
    } catch {}
  }
  return loop.hasTurned;
}
