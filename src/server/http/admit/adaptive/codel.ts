/**
 * Whether a queue stands: CoDel (RFC 8289) as servers use it, where the sender can't be slowed down. Pure: times in, a mode out.
 *
 * A queue that empties now and then only absorbs bursts. One whose shortest delay over a whole interval is above the target stands:
 * it adds delay to every request and throughput to none. While it stands, a request that has waited for over twice the target is
 * shed, and the newest one is served first. Served so, the queue is short and empties by chance; so the mode lasts until an interval has
 * passed in which nobody was shed.
 *
 * The interval is 20 targets, 100 ms for the usual target of 5 ms: the proportion of the RFC.
 */

const TARGETS_PER_INTERVAL = 20;

export class CoDel {
  /** The queue has stood for the last interval. */
  overloaded = false;
  #shortestMs = Infinity;
  #hasShed = false;
  #untilMs = 0;

  /** `delayMs`: how long the request waits that has waited longest; 0: none waits. */
  observe(delayMs: number, nowMs: number, targetMs: number): void {
    if (nowMs >= this.#untilMs) {
      const stands = this.#shortestMs !== Infinity && this.#shortestMs > targetMs;
      this.overloaded = stands || (this.overloaded && this.#hasShed);
      this.#hasShed = false;
      this.#shortestMs = delayMs;
      this.#untilMs = nowMs + TARGETS_PER_INTERVAL * targetMs;
    } else if (delayMs < this.#shortestMs) {
      this.#shortestMs = delayMs;
    }
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
