/** Which of Node's timers a piece of code sets, and which of them are left at the end. */

import type { TestContext } from "node:test";

export interface TimersSeen {
  /** What each was set for. */
  readonly askedMs: readonly number[];
  /** Those that have neither fired nor been cleared. */
  readonly live: ReadonlySet<unknown>;
}

/** From now on until the end of the test. */
export function watchTimers(t: TestContext): TimersSeen {
  const [set, clear] = [globalThis.setTimeout, globalThis.clearTimeout];
  const askedMs: number[] = [];
  const live = new Set<unknown>();
  t.mock.method(globalThis, "setTimeout", ((run: (...args: unknown[]) => void, ms: number, ...args: unknown[]) => {
    askedMs.push(ms);
    const timer = set(() => {
      live.delete(timer);
      run(...args);
    }, ms);
    live.add(timer);
    return timer;
  }) as never);
  t.mock.method(globalThis, "clearTimeout", (timer: NodeJS.Timeout | undefined) => {
    live.delete(timer);
    clear(timer);
  });
  return { askedMs, live };
}

/** The longest a timer of Node's can wait. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1;

export const DAYS_30_MS: number = 30 * 24 * 3_600_000;
