/**
 * Go's condition variable: tasks wait until something that a lock guards has changed.
 *
 *     await mutex.lock();
 *     while (queue.length === 0) await cond.wait();
 *     const first = queue.shift();
 *     await mutex.unlock();
 *
 * A Cond is its lock and a list of waiters, which may live on different threads (notify-list.ts). It has no state of its own. So it is
 * sent as these two.
 */

import { HeddleError } from "../../errors/errors.ts";
import { pack, type Packed, unpack } from "../../runtime/copy/message-packing.ts";
import type { Maybe } from "../channel/channel-core.ts";
import type { Context } from "../context/context.ts";
import { registerHomed } from "../homed-objects.ts";
import { HERE } from "./holds.ts";
import { Mutex } from "./mutex.ts";
import { newPlace, NotifyList } from "./notify-list.ts";
import { refusedBy } from "./park-under.ts";
import { RwLock } from "./rw-lock.ts";

export class Cond {
  /** Lock it before you look at what it guards. */
  readonly lock: Mutex | RwLock;
  readonly #list: NotifyList;

  /**
   * @param lock An `RwLock` is locked for writing.
   * @param list For the library.
   * @throws HeddleError SYNC_MISUSE if it is neither a Mutex nor an RwLock
   */
  constructor(lock: Mutex | RwLock = new Mutex(), list: NotifyList = new NotifyList()) {
    if (!(lock instanceof Mutex || lock instanceof RwLock)) {
      throw new HeddleError("SYNC_MISUSE", `a Cond needs a Mutex or an RwLock, and got ${typeof lock}.`);
    }
    this.lock = lock;
    this.#list = list;
  }

  /**
   * Unlocks, waits for `signal` or `broadcast`, and settles when the caller has the lock again. Call it with the lock held, in a loop
   * that checks the condition: another task may have been faster. With a context it gives up when that is cancelled; the caller has the
   * lock then too.
   *
   * @throws HeddleError SYNC_MISUSE if the lock is not held; the context's error: CANCELED or DEADLINE_EXCEEDED
   */
  async wait(context?: Context): Promise<void> {
    const refused = refusedBy(context, "cond.wait()");
    if (refused !== undefined) await refused;
    const { core } = this.#list;
    const place = newPlace();
    await core.take(HERE, place);
    try {
      await this.lock.unlock();
    } catch (error) {
      // It was never locked, so nobody can count on this place.
      await core.leave(HERE, place);
      throw error;
    }
    try {
      await (context === undefined ? core.wait(HERE, place) : core.wait(HERE, place, context));
    } finally {
      await this.lock.lock();
    }
  }

  /** Wakes the task that has waited longest, if one waits. The lock need not be held. On another thread it returns a promise. */
  signal(): Maybe<void> {
    return this.#list.core.notifyOne(HERE);
  }

  /** Wakes all tasks that wait. The lock need not be held. On another thread it returns a promise. */
  broadcast(): Maybe<void> {
    return this.#list.core.notifyAll(HERE);
  }

  static {
    registerHomed<Cond>({
      tag: "condition variable",
      prototypes: [Cond.prototype],
      isConstant: () => true,
      facts: (cond) => pack([cond.lock, cond.#list]),
      standIn: (_reference, facts) => {
        const { value, markers } = facts as Packed;
        const [lock, list] = unpack(value, markers) as [Mutex | RwLock, NotifyList];
        return new Cond(lock, list);
      },
    });
  }
}
