/** The restart intensity of a supervisor: at most `intensity` restarts in any period of `periodMs`. A pure policy; the caller passes
 * a monotonic time.
 */
export class RestartWindow {
  readonly #intensity: number;
  readonly #periodMs: number;
  #restartsMs: number[] = [];

  constructor(intensity: number, periodMs: number) {
    this.#intensity = intensity;
    this.#periodMs = periodMs;
  }

  /** Counts a restart. False: it is one too many. */
  admits(nowMs: number): boolean {
    this.#restartsMs = this.#restartsMs.filter((restartMs) => restartMs >= nowMs - this.#periodMs);
    this.#restartsMs.push(nowMs);
    return this.#restartsMs.length <= this.#intensity;
  }
}
