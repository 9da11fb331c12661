/** The restart intensity of a supervisor: at most `intensity` restarts in any period of `periodMs`. A pure policy; the caller passes
 * a monotonic time.
 */
export class RestartWindow {
  readonly #intensity: number;
  readonly #periodMs: number;
  /** The oldest first. Those before `#first` are over. */
  #restartsMs: number[] = [];
  #first: number = 0;

  constructor(intensity: number, periodMs: number) {
    this.#intensity = intensity;
    this.#periodMs = periodMs;
  }

  /** Counts a restart. False: it is one too many. */
  admits(nowMs: number): boolean {
    while (this.#restartsMs[this.#first]! < nowMs - this.#periodMs) this.#first += 1;
    if (this.#first > this.#restartsMs.length / 2) {
      this.#restartsMs = this.#restartsMs.slice(this.#first);
      this.#first = 0;
    }
    this.#restartsMs.push(nowMs);
    return this.#restartsMs.length - this.#first <= this.#intensity;
  }
}
