/**
 * The store of a program without a server: `node main.ts`, a test, `heddle check`. The same store, in the memory of this thread.
 * Nothing is shared with other threads and processes, as there is nobody who could own it.
 */

import { monotonicMs } from "../kit/clock.ts";
import type { Answer, Request } from "./protocol.ts";
import type { Client } from "./store/leases.ts";
import { Store } from "./store/store.ts";
import type { Transport } from "./transport.ts";

/** The defaults of `--shared-memory` and `--shared-value`. */
const MAX_BYTES = 64 * 2 ** 20;
const MAX_VALUE_BYTES = 2 ** 20;

export class LocalTransport implements Transport {
  readonly #store = new Store({ maxBytes: MAX_BYTES, maxValueBytes: MAX_VALUE_BYTES, nowMs: monotonicMs });
  readonly #client: Client = { claims: new Set() };

  ask(request: Request): Promise<Answer> {
    return new Promise((resolve) => this.#store.perform(request, this.#client, resolve));
  }
}
