import { Fifo } from "../../kit/fifo.ts";

/** The restart intensity of a supervisor: at most `intensity` restarts in any period of `periodMs`. A pure policy; the caller passes
 * a monotonic time.
 */
export class RestartWindow {
  readonly #intensity: number;
  readonly #periodMs: number;
  readonly #restartsMs: Fifo<number> = new Fifo();

  constructor(intensity: number, periodMs: number) {
    this.#intensity = intensity;
    this.#periodMs = periodMs;
  }

  /** Counts a restart. False: it is one too many. */
  admits(nowMs: number): boolean {
    const restarts = this.#restartsMs;
    while (restarts.length > 0 && restarts.first < nowMs - this.#periodMs) restarts.shift();
    restarts.push(nowMs);
    return restarts.length <= this.#intensity;
  }
}
