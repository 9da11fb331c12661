/**
 * Connections the arbiter has sent, from their arrival to their place on a thread. It also tells the arbiter the worker's load.
 *
 * Invariants
 * - A connection is placed only after the arbiter was told that it is here. Until then the arbiter keeps its own copy, and
 *   gives it to another worker if this one dies. If a thread here had already read the request, the other worker would wait
 *   for it in vain.
 * - A connection that is not placed yet counts as open, so a worker with a connection on its way to a thread is never idle.
 *
 * A burst is one message.
 */

export interface Load {
  /** Connections received since the worker started. */
  readonly received: number;
  readonly open: number;
  /** How many more it has descriptors for, at most `MOST_TOLD`. 0 or less: it is full. */
  readonly room: number;
  /** It has no connection, and would begin one at once. */
  readonly idle: boolean;
}

/** More than the arbiter hands over between two reports. */
export const MOST_TOLD = 1000;

export interface Arrived {
  readonly handle: object;
  /** Whoever sent it has counted it in the row of the worker's only thread. */
  readonly isCounted: boolean;
}

export interface ArrivalsOptions {
  /** Connections that are placed, or wait for a thread. */
  readonly open: () => number;
  /** Whether a thread would take a connection now. */
  readonly takes: () => boolean;
  /** How many connections more there are descriptors for. */
  readonly room: () => number;
  /** There are none. */
  readonly onFull: () => void;
  /** `written`: the message has left this process, so the process's death can't lose it. */
  readonly tell: (load: Load, written: () => void) => void;
  readonly place: (arrived: Arrived) => void;
}

export class Arrivals {
  readonly #options: ArrivalsOptions;
  /** Connections that the arbiter was not told about yet. */
  #arrived: Arrived[] = [];
  #unplaced = 0;
  #received = 0;
  #told = "";
  #tellsSoon = false;
  #placed: Promise<void> = Promise.resolve();

  constructor(options: ArrivalsOptions) {
    this.#options = options;
  }

  /** undefined: the client had left when its socket arrived. */
  receive(handle: object | undefined, isCounted: boolean): void {
    this.#received++;
    if (handle !== undefined) {
      this.#unplaced++;
      this.#arrived.push({ handle, isCounted });
    }
    if (this.#tellsSoon) return;
    this.#tellsSoon = true;
    setImmediate(() => {
      this.#tellsSoon = false;
      this.tell();
    });
  }

  /** Tells the load if it has changed. */
  tell(): void {
    const received = this.#received;
    const open = this.#options.open() + this.#unplaced;
    const room = Math.min(this.#options.room(), MOST_TOLD);
    const idle = open === 0 && room > 0 && this.#options.takes();
    const load = `${received} ${open} ${room} ${idle}`;
    if (load === this.#told) return;
    if (room <= 0) this.#options.onFull();
    this.#told = load;
    const arrived = this.#arrived;
    this.#arrived = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    if (arrived.length > 0) this.#placed = promise;
    this.#options.tell({ received, open, room, idle }, () => {
      this.#unplaced -= arrived.length;
      for (const each of arrived) this.#options.place(each);
      resolve();
    });
  }

  /** Resolves when all connections that have arrived are placed. */
  placed(): Promise<void> {
    this.tell();
    return this.#placed;
  }
}
