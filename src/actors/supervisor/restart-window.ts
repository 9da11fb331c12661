/**
 * How many restarts a supervisor puts up with: `intensity` in any period of `periodMs`. A pure policy; the clock is the caller's, and
 * monotonic.
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
