/** Node's timers, as they were when heddle was loaded. Tests may replace the global timers (node:test's `mock.timers`, the fake
 * timers of other test runners) to control the program's waits. That must not stop the runtime. So the runtime and the queues of
 * tasks and actors use these timers; `sleep`, deadlines and timeouts use the global ones, and can be mocked.
 */

export const setTimeout: typeof globalThis.setTimeout = globalThis.setTimeout;
export const setInterval: typeof globalThis.setInterval = globalThis.setInterval;
export const setImmediate: typeof globalThis.setImmediate = globalThis.setImmediate;
export const clearTimeout: typeof globalThis.clearTimeout = globalThis.clearTimeout;
export const clearInterval: typeof globalThis.clearInterval = globalThis.clearInterval;

/** The longest time for a timer of Node: 24.8 days. A longer timer fires at once. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1;

/** For a limit that a setting gives, with a margin on top of it. */
export function timerMs(ms: number): number {
  return Math.min(ms, MAX_TIMER_MS);
}
