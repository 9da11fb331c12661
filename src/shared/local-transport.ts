/**
 * The store of a program without a server: `node main.ts`, a test, `heddle check`. The same store, in the memory of this thread.
 * Its entries are not shared with other threads and processes, as there is nobody who could own them. Messages of channels reach the
 * other threads of the process, over a BroadcastChannel for each.
 */

import { monotonicMs } from "../kit/clock.ts";
import { setImmediate } from "../kit/native-timers.ts";
import { isTimeUp } from "../runtime/run-queue.ts";
import type { Joined, Sink } from "./channels/subscriptions.ts";
import { type Answer, KIND, NO_TTL, NOTHING, OP, type Request, STATUS } from "./protocol.ts";
import type { Client } from "./store/leases.ts";
import { Store } from "./store/store.ts";
import type { Transport } from "./transport.ts";

/** The defaults of `--shared-memory` and `--shared-value`. */
const MAX_BYTES = 64 * 2 ** 20;
const MAX_VALUE_BYTES = 2 ** 20;

interface Heard {
  readonly kind: number;
  readonly bytes: Uint8Array;
}

interface Open {
  readonly broadcast: BroadcastChannel;
  readonly sinks: Set<Sink>;
}

export class LocalTransport implements Transport {
  readonly #store = new Store({ maxBytes: MAX_BYTES, maxValueBytes: MAX_VALUE_BYTES, nowMs: monotonicMs });
  readonly #client: Client = { claims: new Set() };
  readonly #open = new Map<string, Open>();

  ask(request: Request): Promise<Answer> {
    return new Promise((resolve) => {
      // The store answers at once. A loop of operations must not hold up timers and I/O.
      const reply = (answer: Answer): void => {
        if (isTimeUp()) setImmediate(resolve, answer);
        else resolve(answer);
      };
      if (request.op === OP.publish) reply(this.#publish(request));
      else this.#store.perform(request, this.#client, reply);
    });
  }

  join(channel: string, sink: Sink): Joined {
    const open = this.#open.get(channel) ?? this.#listen(channel);
    open.sinks.add(sink);
    const leave = (): void => {
      if (!open.sinks.delete(sink) || open.sinks.size > 0) return;
      this.#open.delete(channel);
      open.broadcast.close();
    };
    return { ready: Promise.resolve(), leave };
  }

  #listen(channel: string): Open {
    const open: Open = { broadcast: new BroadcastChannel(nameOf(channel)), sinks: new Set() };
    open.broadcast.addEventListener("message", (event) => {
      const { kind, bytes } = event.data as Heard;
      const packed = { kind, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) };
      const sinks = Array.from(open.sinks);
      for (const sink of sinks) if (open.sinks.has(sink)) sink.message(packed);
    });
    // Node's has it, and the type of the standard has not.
    (open.broadcast as BroadcastChannel & { unref(): void }).unref();
    this.#open.set(channel, open);
    return open;
  }

  #publish({ namespace, kind, value }: Request): Answer {
    const status = value.length > MAX_VALUE_BYTES ? STATUS.tooLarge : STATUS.ok;
    if (status === STATUS.ok) {
      const open = this.#open.get(namespace)?.broadcast;
      const broadcast = open ?? new BroadcastChannel(nameOf(namespace));
      // V8 copies all of the memory behind a view.
      const heard: Heard = { kind, bytes: new Uint8Array(value) };
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has no such argument
      broadcast.postMessage(heard);
      if (open === undefined) broadcast.close();
    }
    return { status, kind: KIND.none, ttlMs: NO_TTL, number: 0, version: 0, value: NOTHING };
  }
}

function nameOf(channel: string): string {
  return `heddle/shared ${channel}`;
}
