/**
 * What a thread has to know before it blocks on purpose (`awaitSync`): whether it may, which word wakes it, and what
 * ends the wait early. A thread that blocks hears no message and no timer, so all of this is shared memory or is asked at
 * intervals.
 *
 * How a blocking operation is written: `may(what)`, then in a loop: remember `wake.count`; look for the result; look at
 * `cancelled()`; `wake.wait(seen, lookMs at most)`. Whoever has the result wakes the word.
 *
 * Each thread has one word, for all its waits: a thread can wait for only one address, and the result and the
 * cancellation come from different threads. Wake-ups may therefore come for no reason; the loop must not mind.
 *
 * The rules are set by whoever owns the thread: the server for its threads (worker/, models/handlers/), the tasks library
 * for those it starts. A plain program's thread has the default: it may block, and nothing cancels it.
 */

import { perThread } from "../kit/per-thread.ts";
import { WakeWord } from "../kit/wake-word.ts";

export interface BlockingRules {
  readonly wake: WakeWord;
  /** Throws where a block would hold up others; `what` begins the message: "awaitSync(fetchRows)". */
  readonly may: (what: string) => void;
  /**
   * Why what runs now is not wanted any more. Asked before a wait, after each wake-up, and every `lookMs`: it may also do
   * what the thread's loop would have done meanwhile.
   */
  readonly cancelled: () => DOMException | undefined;
  /** A blocked thread looks around at least this often. */
  readonly lookMs: number;
}

/** Four looks a second cost nothing that could be measured. */
const LOOK_MS = 250;

const own = perThread<{ rules: BlockingRules | undefined }>("blocking", () => ({ rules: undefined }));

/** The rules of this thread. */
export function blockingRules(): BlockingRules {
  return (own.rules ??= complete({}));
}

/** What is not given is as in a plain program. A `wake` must be given before anything on this thread has blocked. */
export function setBlockingRules(rules: Partial<BlockingRules>): void {
  own.rules = complete(rules);
}

function complete(rules: Partial<BlockingRules>): BlockingRules {
  const wake = own.rules?.wake ?? WakeWord.create();
  return { wake, may: () => {}, cancelled: () => undefined, lookMs: LOOK_MS, ...rules };
}
