/**
 * Connections the arbiter has sent, from their arrival to their place on a thread, and what the arbiter is told of the
 * worker's load meanwhile.
 *
 * Invariants
 * - A connection is placed after the arbiter has been told that it is here. The arbiter keeps its own copy till then,
 *   and gives it to another worker when this one dies: if a thread had read the request already, the other worker would
 *   wait in vain for it.
 * - What is not placed yet counts as open, so that a worker with a connection on its way to a thread is never idle.
 *
 * A burst is one message.
 */

export interface Load {
  /** Connections received since the worker began. */
  readonly received: number;
  readonly open: number;
  /** It has none and would begin with one at once. */
  readonly idle: boolean;
}

export interface ArrivalsOptions {
  /** Connections that are placed, or wait for a thread. */
  readonly open: () => number;
  /** Whether a thread would take a connection now. */
  readonly takes: () => boolean;
  /** `written`: the message is out of this process, and its death does not hold it up any more. */
  readonly tell: (load: Load, written: () => void) => void;
  readonly place: (handle: object) => void;
}

export class Arrivals {
  readonly #options: ArrivalsOptions;
  /** Those the arbiter has not been told of. */
  #arrived: object[] = [];
  #unplaced = 0;
  #received = 0;
  #told = "";
  #tellsSoon = false;
  #placed: Promise<void> = Promise.resolve();

  constructor(options: ArrivalsOptions) {
    this.#options = options;
  }

  /** undefined: the client was gone by the time its socket arrived. */
  receive(handle: object | undefined): void {
    this.#received++;
    if (handle !== undefined) {
      this.#unplaced++;
      this.#arrived.push(handle);
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
    const idle = open === 0 && this.#options.takes();
    const load = `${received} ${open} ${idle}`;
    if (load === this.#told) return;
    this.#told = load;
    const arrived = this.#arrived;
    this.#arrived = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    if (arrived.length > 0) this.#placed = promise;
    this.#options.tell({ received, open, idle }, () => {
      this.#unplaced -= arrived.length;
      for (const handle of arrived) this.#options.place(handle);
      resolve();
    });
  }

  /** Resolves when all that have arrived are placed. */
  placed(): Promise<void> {
    this.tell();
    return this.#placed;
  }
}
