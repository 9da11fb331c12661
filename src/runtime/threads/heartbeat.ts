/** A thread shows on the board that its loop turns, as long as the board says that it has something to do: an idle one sleeps. */

import type { ThreadBoard } from "./thread-board.ts";
import { clearInterval, setInterval } from "../../kit/native-timers.ts";

const EVERY_MS = 100;

export class Heartbeat {
  readonly #board: ThreadBoard;
  readonly #thread: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(board: ThreadBoard, thread: number) {
    this.#board = board;
    this.#thread = thread;
  }

  get isKept(): boolean {
    return this.#timer !== undefined;
  }

  keep(): void {
    this.#board.beat(this.#thread);
    this.#timer ??= setInterval(() => {
      this.#board.beat(this.#thread);
      if (this.#board.load(this.#thread) > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    }, EVERY_MS).unref();
  }
}
