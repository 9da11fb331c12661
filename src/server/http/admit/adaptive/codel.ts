/**
 * Whether a queue stands: CoDel (RFC 8289) as servers use it, where the sender can't be slowed down. Pure: times in, a mode out.
 *
 * A queue that empties now and then only absorbs bursts. One whose shortest delay over a whole interval is above the target stands:
 * it adds delay to every request and throughput to none. While it stands, a request that has waited for over twice the target is
 * shed, and the newest one is served first. Served so, the queue is short and empties by chance, which is no sign that the overload is
 * over. It is over when an interval has passed in which nobody was shed, or in which a third of the requests did not have to wait: with
 * twice the arrivals that can be served, e^-2 of them find a free slot, 14 %.
 *
 * The interval is 20 targets, which is the proportion of the RFC, and at least 100 ms.
 */

const TARGETS_PER_INTERVAL = 20;
const SHORTEST_INTERVAL_MS = 100;
const FREE_SHARE = 0.35;

export class CoDel {
  /** The queue has stood for the last interval. */
  overloaded = false;
  #shortestMs = Infinity;
  #hasShed = false;
  #arrivals = 0;
  #free = 0;
  #sinceMs = -Infinity;

  /** `delayMs`: how long the request waits that has waited longest; 0: none waits; Infinity: that is not known. */
  observe(delayMs: number, nowMs: number, targetMs: number): void {
    // By the target of now: an interval that began with a longer one, while nobody came, must not outlast it.
    if (nowMs - this.#sinceMs >= Math.max(SHORTEST_INTERVAL_MS, TARGETS_PER_INTERVAL * targetMs)) {
      const stands = this.#shortestMs !== Infinity && this.#shortestMs > targetMs;
      const goesOn = this.#hasShed && this.#free < FREE_SHARE * this.#arrivals;
      this.overloaded = stands || (this.overloaded && goesOn);
      this.#hasShed = false;
      this.#arrivals = 0;
      this.#free = 0;
      this.#shortestMs = delayMs;
      this.#sinceMs = nowMs;
    } else if (delayMs < this.#shortestMs) {
      this.#shortestMs = delayMs;
    }
  }

  /** A request has come. `isFree`: it need not wait. */
  arrived(isFree: boolean): void {
    this.#arrivals++;
    if (isFree) this.#free++;
  }

  /** A request was shed because it had waited for longer than `patienceMs`. */
  shed(): void {
    this.#hasShed = true;
  }

  /** How long a request may wait now. */
  patienceMs(targetMs: number): number {
    return this.overloaded ? 2 * targetMs : Infinity;
  }
}
