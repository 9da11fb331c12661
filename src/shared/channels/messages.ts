/**
 * The messages of a channel for `for await`. They wait as bytes, so that what waits can be limited. A gap has its place among them.
 *
 * Either messages wait, or calls of `next` do, never both.
 */

import type { Packed } from "../values.ts";
import type { Joined, Sink } from "./subscriptions.ts";

export interface ChannelMessages<T> extends AsyncIterableIterator<T, undefined> {
  /** Ends the subscription. Whoever waits for a message is told that there are no more. */
  return(): Promise<IteratorResult<T, undefined>>;
}

const MAX_BYTES = 4 * 2 ** 20;
/** A message costs more than its bytes. */
const EACH_BYTES = 256;

interface Gap {
  lost: number | undefined;
}

const over = { done: true, value: undefined } as const;

export class MessageQueue<T> implements ChannelMessages<T>, Sink {
  readonly #unpack: (packed: Packed) => unknown;
  readonly #onGap: (lost: number | undefined) => void;
  readonly #maxBytes: number;
  #items: (Packed | Gap)[] = [];
  #bytes = 0;
  #asking: PromiseWithResolvers<IteratorResult<T, undefined>>[] = [];
  #joined: Joined | undefined;
  #failure: { readonly error: unknown } | undefined;
  #isOver = false;

  constructor(
    unpack: (packed: Packed) => unknown,
    onGap: (lost: number | undefined) => void,
    maxBytes: number = MAX_BYTES,
  ) {
    this.#unpack = unpack;
    this.#onGap = onGap;
    this.#maxBytes = maxBytes;
  }

  begin(joined: Joined): void {
    this.#joined = joined;
    joined.ready.catch((error: unknown) => {
      const asked = this.#asking.shift();
      if (asked === undefined) this.#failure = { error };
      else asked.reject(error);
      this.#end();
    });
  }

  message({ kind, bytes }: Packed): void {
    const cost = bytes.length + EACH_BYTES;
    if (this.#items.length > 0 && this.#bytes + cost > this.#maxBytes) return this.gap(1);
    this.#bytes += cost;
    // The bytes are a view of what was read.
    this.#items.push({ kind, bytes: Buffer.from(bytes) });
    this.#serve();
  }

  gap(lost: number | undefined): void {
    const last = this.#items.at(-1);
    if (last !== undefined && "lost" in last) last.lost = sumOf(last.lost, lost);
    else this.#items.push({ lost });
    this.#serve();
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const asked = Promise.withResolvers<IteratorResult<T, undefined>>();
    this.#asking.push(asked);
    this.#serve();
    return asked.promise;
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#items = [];
    this.#end();
    return Promise.resolve(over);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #serve(): void {
    while (this.#asking.length > 0) {
      const item = this.#items.shift();
      if (item === undefined) break;
      if ("lost" in item) this.#tell(item);
      else this.#give(item);
    }
    if (this.#isOver) this.#endAsking();
  }

  #give(packed: Packed): void {
    this.#bytes -= packed.bytes.length + EACH_BYTES;
    const asked = this.#asking.shift()!;
    try {
      asked.resolve({ done: false, value: this.#unpack(packed) as T });
    } catch (error) {
      asked.reject(error);
    }
  }

  /** What it throws, the loop throws. */
  #tell({ lost }: Gap): void {
    try {
      this.#onGap(lost);
    } catch (error) {
      this.#asking.shift()!.reject(error);
    }
  }

  #end(): void {
    this.#isOver = true;
    this.#joined?.leave();
    this.#endAsking();
  }

  #endAsking(): void {
    for (const asked of this.#asking.splice(0)) {
      if (this.#failure === undefined) asked.resolve(over);
      else asked.reject(this.#failure.error);
      this.#failure = undefined;
    }
  }
}

function sumOf(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b;
}
