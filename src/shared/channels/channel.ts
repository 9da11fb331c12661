/**
 * What an app sees of channels: messages to all other copies of the app. The arbiter passes them on (`server/arbiter/shared/`);
 * in a program without a server they go over a BroadcastChannel (`local-transport.ts`).
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { count } from "../../errors/count.ts";
import { HeddleError } from "../../errors/errors.ts";
import { checkChannel, checkListener } from "../arguments.ts";
import { NO_TTL, OP, STATUS } from "../protocol.ts";
import { transport } from "../transport.ts";
import { pack, unpackPacked } from "../values.ts";
import { type ChannelMessages, MessageQueue } from "./messages.ts";

export type { ChannelMessages } from "./messages.ts";

/** Messages that a subscription did not get. */
export interface ChannelGap {
  /** How many. undefined: the connection to the arbiter was broken meanwhile, and nobody counted them. */
  readonly lost: number | undefined;
}

export interface SubscribeOptions {
  /**
   * Called when messages were lost, in their place: behind those that were published before. Whoever keeps a cache by the messages
   * clears it here.
   */
  readonly onGap?: ((gap: ChannelGap) => void) | undefined;
}

export interface Subscription {
  /**
   * Resolves when whatever is published from now on arrives. If it rejects (SHARED_UNAVAILABLE; SHARED_BUSY: more than 4,096
   * channels), the subscription is closed.
   */
  readonly ready: Promise<void>;
  /** The listener is not called any more. */
  close(): void;
}

/**
 * The channel of this name. `publish` sends a value to every other copy of the app on this server that subscribes: other workers,
 * serving threads, handler threads, and processes that the app starts.
 *
 * - A copy gets each message at most once, and those of one publisher in the order in which it published them.
 * - A copy does not get what it publishes itself. All code of one thread is one copy.
 * - Nothing is kept: who subscribes later does not get it. While a copy is blocked, up to 4 MiB wait for it in the arbiter (and always
 *   one message). What comes then is dropped for this copy only, counted, and told to it as a gap.
 * - When a connection to the arbiter breaks, it is made again. What was published meanwhile is lost: a gap.
 * - During a reload the old copies and the new ones hear each other.
 *
 * In a program without a server the copies are the threads of its process.
 *
 * @throws HeddleError SHARED_INVALID, SHARED_TOO_LARGE the name, which has 1 to 1,024 bytes in UTF-8
 */
export function channel<T = unknown>(name: string): Channel<T> {
  checkChannel(name);
  return new Channel<T>(name);
}

/** Messages to the other copies of the app: see `channel`. */
export class Channel<T = unknown> implements AsyncIterable<T> {
  readonly name: string;

  /** For the library: `channel(name)` makes one. */
  constructor(name: string) {
    this.name = name;
  }

  /**
   * Sends a value, which is copied as in a SharedMap. Resolves when the arbiter has passed it on, which does not say that anybody
   * has got it. Messages go in the order of the calls, awaited or not.
   *
   * @throws HeddleError SHARED_NOT_CLONEABLE, SHARED_TOO_LARGE, SHARED_INVALID (undefined), SHARED_UNAVAILABLE (nothing was sent),
   * SHARED_INTERRUPTED (it may have been sent, or not), SHARED_BUSY
   */
  async publish(value: T): Promise<void> {
    const { kind, bytes } = pack(value);
    const answer = await transport().ask({
      op: OP.publish,
      kind,
      namespace: this.name,
      key: "",
      ttlMs: NO_TTL,
      number: 0,
      value: bytes,
    });
    if (answer.status !== STATUS.tooLarge) return;
    throw new HeddleError(
      "SHARED_TOO_LARGE",
      `a message to channel ${JSON.stringify(this.name)} has ${count(bytes.length, "byte")}, which is more than a shared value may have.`,
      { hint: "The limit is --shared-value." },
    );
  }

  /**
   * Calls the listener with each message. Each subscription has its own copy of the value. What the listener throws is an uncaught
   * exception, and the subscription goes on. A subscription does not keep a thread alive.
   *
   * @throws HeddleError SHARED_INVALID, SHARED_UNAVAILABLE (the server runs with `--shared-memory 0`)
   */
  subscribe(listener: (value: T) => void, options: SubscribeOptions = {}): Subscription {
    checkListener("the listener of a channel", listener);
    if (options.onGap !== undefined) checkListener("onGap", options.onGap);
    const hear = AsyncLocalStorage.bind(listener);
    const onGap = options.onGap && AsyncLocalStorage.bind(options.onGap);
    const joined = transport().join(this.name, {
      message: (packed) => guard(() => hear(unpackPacked(packed) as T)),
      gap: (lost) => guard(() => onGap?.({ lost })),
    });
    return { ready: joined.ready, close: () => joined.leave() };
  }

  /**
   * The messages from now on, one after another: `for await (const message of channel.messages())`. Leaving the loop ends the
   * subscription, and so does `return()` from elsewhere. Up to 4 MiB wait until they are asked for (and always one message). What
   * comes then is a gap.
   *
   * @throws HeddleError SHARED_UNAVAILABLE; what `ready` of a subscription rejects with, rejects the next message
   */
  messages(options: SubscribeOptions = {}): ChannelMessages<T> {
    if (options.onGap !== undefined) checkListener("onGap", options.onGap);
    const queue = new MessageQueue<T>(unpackPacked, (lost) => options.onGap?.({ lost }));
    queue.begin(transport().join(this.name, queue));
    return queue;
  }

  /** `messages()`. */
  [Symbol.asyncIterator](): ChannelMessages<T> {
    return this.messages();
  }
}

/** As an EventTarget does: the connection and other listeners go on. */
function guard(call: () => void): void {
  try {
    call();
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}
