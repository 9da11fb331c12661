/**
 * Which handler thread a request goes to. Pure: numbers in, a decision out.
 *
 * Goals, in this order
 * - Nobody waits behind a handler that takes long while another thread is idle.
 * - Short handlers cost little more than they do on the event loop: waking a thread costs more than running one, so while
 *   handlers are short, a few threads get several requests each. Should one of them turn out to be long, the
 *   requests behind it are recalled (`job-ring.ts`) and run elsewhere.
 * - A thread that ends one of many longer handlers has the next one at hand: it lies *ahead*, one per thread, still counts as
 *   waiting, and goes to any thread that is idle before it has begun.
 * - Threads with a low slot first, so that those nobody needs stay idle and can be let go.
 */

/** Handlers are short when they take less than this on average: a few times what waking a thread costs. */
export const SHORT_MS = 0.25;
/** Requests that a thread may have while handlers are short. */
export const SHORT_DEPTH = 16;
/** How long a request may lie behind another before it is recalled. */
export const PATIENCE_MS = 2;

/** Handlers that take longer gain nothing from a request that lies ahead. */
const AHEAD_MS = 100;

export type Assignment = { readonly to: number; readonly how: "idle" | "behind" } | "wait";

/**
 * `counts`: jobs of each handler thread, lowest slot first. `averageMs`: recent run time; `spread`: over how many
 * threads short handlers are kept, one per CPU.
 */
export function assign(counts: readonly number[], averageMs: number, spread: number): Assignment {
  if (averageMs < SHORT_MS) {
    const busy = leastLoaded(counts, Math.min(spread, counts.length));
    if (busy !== -1 && counts[busy]! < SHORT_DEPTH) return { to: busy, how: counts[busy] === 0 ? "idle" : "behind" };
  }
  const idle = counts.indexOf(0);
  return idle === -1 ? "wait" : { to: idle, how: "idle" };
}

/** Whether requests are sent ahead. */
export function sendsAhead(averageMs: number): boolean {
  return averageMs >= SHORT_MS && averageMs <= AHEAD_MS;
}

/**
 * How long a request may lie behind another one. Behind an ordinary one of its kind it begins in half of that. To be moved
 * costs it another turn, because the other threads have one at hand as well.
 */
export function patienceMs(averageMs: number): number {
  return averageMs < SHORT_MS ? PATIENCE_MS : Math.max(PATIENCE_MS, averageMs * 2);
}

function leastLoaded(counts: readonly number[], among: number): number {
  let best = -1;
  for (let i = 0; i < among; i++) if (best === -1 || counts[i]! < counts[best]!) best = i;
  return best;
}

/** A moving average that forgets half of the past within some ten requests, and believes a long one at once. */
export function average(averageMs: number, ranMs: number): number {
  return ranMs > averageMs * 8 && ranMs > SHORT_MS * 4 ? ranMs : averageMs + (ranMs - averageMs) / 16;
}
