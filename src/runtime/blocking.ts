/**
 * What a thread must know before it blocks on purpose (`awaitSync`): whether it may, which word wakes it, and what ends the
 * wait early. A blocked thread gets no message and no timer, so all of this is shared memory or is polled.
 *
 * How to write a blocking operation: call `may(what)`. Then in a loop: remember `wake.count`; look for the result; check
 * `cancelled()`; call `wake.wait(seen, lookMs at most)`. Whoever has the result wakes the word.
 *
 * Each thread has one word for all its waits. A thread can wait for only one address, but the result and the cancellation
 * come from different threads. So there are spurious wake-ups; the loop must allow for them.
 *
 * The thread's owner sets the rules: the server for its threads (worker/, models/handlers/), the tasks library for those it
 * starts. A plain program's thread has the default: it may block, and nothing cancels it.
 */

import { perThread } from "../kit/per-thread.ts";
import { WakeWord } from "../kit/wake-word.ts";

export interface BlockingRules {
  readonly wake: WakeWord;
  /** Throws where a block would delay others. `what` begins the message: "awaitSync(fetchRows)". */
  readonly may: (what: string) => void;
  /**
   * Why the running code must stop, if it must. Called before a wait, after each wake-up, and every `lookMs`. It may also do
   * the work that the thread's loop would have done meanwhile.
   */
  readonly cancelled: () => DOMException | undefined;
  /** A blocked thread calls `cancelled` at least this often. */
  readonly lookMs: number;
}

/** Four looks a second have no measurable cost. */
const LOOK_MS = 250;

const own = perThread<{ rules: BlockingRules | undefined }>("blocking", () => ({ rules: undefined }));

/** The rules of this thread. */
export function blockingRules(): BlockingRules {
  return (own.rules ??= complete({}));
}

/** Rules that are not given are as in a plain program. A `wake` must be given before anything on this thread has blocked. */
export function setBlockingRules(rules: Partial<BlockingRules>): void {
  own.rules = complete(rules);
}

function complete(rules: Partial<BlockingRules>): BlockingRules {
  const wake = own.rules?.wake ?? WakeWord.create();
  return { wake, may: () => {}, cancelled: () => undefined, lookMs: LOOK_MS, ...rules };
}
