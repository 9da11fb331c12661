/**
 * Chooses the handler thread for a request. Pure: numbers in, a decision out.
 *
 * Goals, in this order
 * - No request waits behind a long handler while another thread is idle.
 * - Short handlers cost little more than on the event loop. Waking a thread costs more than running a short handler, so
 *   while handlers are short, a few threads get several requests each. If one of them turns out to be long, the requests
 *   behind it are recalled (`job-ring.ts`) and run elsewhere.
 * - Under longer handlers, a thread that finishes one has the next one at hand. That job was sent *ahead*: one per thread. It
 *   still counts as waiting, and goes to any thread that is idle before it has begun.
 * - Threads with a low slot first. So unneeded threads stay idle and can be evicted.
 *
 * Under `tasks` any number of requests run on a thread, and each goes to the thread that has the fewest. What a thread has not
 * begun within `TASK_PATIENCE_MS` runs elsewhere, if another thread takes it: its thread is blocked.
 */

/** Handlers are short if they take less than this on average: a few times the cost of waking a thread. */
export const SHORT_MS = 0.25;
/** Requests that a thread may have while handlers are short. */
export const SHORT_DEPTH = 16;
/** How long a request may wait behind another on a thread before it is recalled. */
export const PATIENCE_MS = 2;

/**
 * Requests that a thread may have and not have begun, under `tasks`. Fewer than a ring has cells. Each turn of the serving thread can
 * send that many: on a busy machine its next one may be a tenth of a second away.
 */
export const TASK_DEPTH = 1000;
/** Longer than a thread waits for its next time slice on a busy machine, mostly. */
export const TASK_PATIENCE_MS = 20;

/** Handlers that take longer gain nothing from a request sent ahead. */
const AHEAD_MS = 100;

export type Assignment = { readonly to: number; readonly how: "idle" | "behind" } | "wait";

/**
 * `counts`: jobs of each handler thread, lowest slot first. `averageMs`: recent run time. `spread`: the number of threads that
 * short handlers are kept on, one per CPU.
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
 * How long a request may wait behind another on a thread. Behind an average one, it begins in half of that. A moved request
 * may lose a turn, because the other threads have a prefetched one as well.
 */
export function patienceMs(averageMs: number): number {
  return averageMs < SHORT_MS ? PATIENCE_MS : Math.max(PATIENCE_MS, averageMs * 2);
}

/** `loads`: requests of each thread, begun or not. Infinity: it takes none. -1: no thread takes one. */
export function assignTask(loads: readonly number[]): number {
  const least = leastLoaded(loads, loads.length);
  return loads[least] === Infinity ? -1 : least;
}

function leastLoaded(counts: readonly number[], among: number): number {
  let best = -1;
  for (let i = 0; i < among; i++) if (best === -1 || counts[i]! < counts[best]!) best = i;
  return best;
}

/** A moving average. It forgets half of the past within about ten requests, but follows one very long request at once. */
export function average(averageMs: number, ranMs: number): number {
  return ranMs > averageMs * 8 && ranMs > SHORT_MS * 4 ? ranMs : averageMs + (ranMs - averageMs) / 16;
}
