/**
 * This thread's way to the arbiter's store. The other end is `server/arbiter/shared/shared-connection.ts`.
 *
 *   closed → connecting → open → closed      opened by an operation; by itself only while there are subscriptions
 *
 * Invariants
 * - The operations of one turn of the loop go in one write, in their order, and the store performs them in that order.
 * - It keeps the thread alive while an answer is due, and not otherwise. Subscriptions do not.
 * - At most MAX_WAITING operations and MAX_UNSENT_BYTES wait; beyond, an operation is refused at once.
 * - If the connection breaks, each operation that was handed to it is rejected: SHARED_INTERRUPTED, since the store may have
 *   performed it. One that never had a connection is rejected with SHARED_UNAVAILABLE: it has had no effect.
 * - When the process ends, what waits to be written is written at once. Nothing could be written later.
 *
 * Rejected: to send an operation again over a new connection. It might be done twice.
 */

import { type Joined, type Sink, Subscriptions } from "./channels/subscriptions.ts";
import { Link } from "./link.ts";
import type { Answer, Request } from "./protocol.ts";
import type { Transport } from "./transport.ts";

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 5000;

export class ArbiterTransport implements Transport {
  readonly #path: string;
  readonly #subscriptions: Subscriptions;
  #link: Link | undefined;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = FIRST_RETRY_MS;
  #isEnding = false;

  constructor(path: string) {
    this.#path = path;
    this.#subscriptions = new Subscriptions({
      open: () => void this.#open(),
      ask: (request, waiting) => this.#open().ask(request, waiting),
      tell: (request) => this.#current?.tell(request),
    });
  }

  /** The thread ends with this turn. */
  end(): void {
    this.#isEnding = true;
    this.#link?.flush();
  }

  ask(request: Request): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const link = this.#open();
    link.ask(request, { isDue: true, resolve, reject });
    if (this.#isEnding) link.flush();
    return promise;
  }

  join(channel: string, sink: Sink): Joined {
    return this.#subscriptions.join(channel, sink);
  }

  get #current(): Link | undefined {
    return this.#link?.isClosed === false ? this.#link : undefined;
  }

  #open(): Link {
    const current = this.#current;
    if (current !== undefined) return current;
    const made = new Link(this.#path, {
      welcomed: () => (this.#retryMs = FIRST_RETRY_MS),
      told: (answer) => this.#subscriptions.told(answer),
      closed: () => this.#closed(),
    });
    this.#link = made;
    this.#subscriptions.joinAgain(made);
    return made;
  }

  /** The server ends, or the arbiter had no descriptors left. */
  #closed(): void {
    this.#subscriptions.closed();
    clearTimeout(this.#retry);
    if (this.#subscriptions.isEmpty || this.#isEnding) return;
    this.#retry = setTimeout(() => {
      if (!this.#subscriptions.isEmpty) this.#open();
    }, this.#retryMs);
    if (!this.#subscriptions.isDue) this.#retry.unref();
    this.#retryMs = Math.min(2 * this.#retryMs, MAX_RETRY_MS);
  }
}
