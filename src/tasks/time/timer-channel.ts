/**
 * The channel of a timer: `after` and `Ticker`. It has room for one value. A value that finds the last one still there is dropped.
 *
 * - Only while a task waits for the channel does its timer keep the program alive. So a select that has ended by another case does not
 *   delay the program's end.
 * - While nobody waits, the timer does not keep its channel: a channel that nobody can reach is collected, and its timer cleared.
 */

import { LongTimer } from "../../kit/long-timer.ts";
import { Channel } from "../channel/channel.ts";
import { LocalChannel } from "../channel/local-channel.ts";
import { type Waiting, WaitQueue } from "../waiter.ts";

class WatchedQueue extends WaitQueue {
  readonly #watch: () => void;

  constructor(watch: () => void) {
    super();
    this.#watch = watch;
  }

  override add(waiter: Waiting): void {
    super.add(waiter);
    this.#watch();
  }

  override remove(waiter: Waiting): void {
    super.remove(waiter);
    this.#watch();
  }

  override takeFirst(waiter: Waiting): void {
    super.takeFirst(waiter);
    this.#watch();
  }
}

class TimedChannel extends LocalChannel<number> {
  override readonly receivers: WaitQueue;

  constructor(alarm: Alarm) {
    super(1);
    this.receivers = new WatchedQueue(() => alarm.waitedFor(this));
  }
}

/** Weak, because while a task waits its alarm holds the channel. An alarm that nobody holds has no timer. */
const abandoned = new FinalizationRegistry<WeakRef<Alarm>>((alarm) => alarm.deref()?.clear());

export class Alarm {
  readonly #core: WeakRef<LocalChannel<number>>;
  /** Set while a task waits. */
  #kept: LocalChannel<number> | undefined;
  #timer: LongTimer | undefined;

  /** `made` gets the channel: the alarm itself does not hold it. */
  constructor(made: (channel: Channel<number>) => void) {
    const core = new TimedChannel(this);
    this.#core = new WeakRef(core);
    // A select or another thread may hold only the core.
    abandoned.register(core, new WeakRef(this));
    made(new Channel<number>(1, core));
  }

  /** Sets the timer, in the place of the one before. */
  set(ms: number, fired: () => void): void {
    this.clear();
    this.#timer = new LongTimer(fired, ms);
    this.#timer.keepAlive(this.#kept !== undefined);
  }

  clear(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }

  /** Puts the time into the channel: milliseconds since 1970. */
  ring(): void {
    this.#core.deref()?.trySend(Date.now());
  }

  /** Takes a value back that nobody has received. */
  hush(): void {
    this.#core.deref()?.tryReceive();
  }

  waitedFor(core: LocalChannel<number>): void {
    const isWaited = core.receivers.first !== undefined;
    this.#kept = isWaited ? core : undefined;
    this.#timer?.keepAlive(isWaited);
  }
}
