/**
 * When a thread is parked: no task of it can go on before a timer fires or a message comes. Then its run queue is empty, its microtasks
 * and ticks are drained, and no I/O is under way that was not there when fake time began. (Go's synctest calls that "durably blocked".)
 *
 * Requests (a file that is read, a name that is looked up, a hash that is computed) are counted by `async_hooks`, from their beginning to
 * their callback. Handles (sockets, servers, child processes) are listed by `process.getActiveResourcesInfo()`. What neither sees is
 * compression: such a stream is a request that may never get an end.
 */

import { type AsyncHook, createHook } from "node:async_hooks";
import { setImmediate, setTimeout } from "../../../kit/native-timers.ts";
import { runQueue } from "../../../runtime/run-queue.ts";

/** Node's names of what is one operation with one end. */
const REQUEST = /^(?:FSREQ\w*|\w+REQUEST|GET\w+REQWRAP|QUERYWRAP|\w+CONNECTWRAP|WRITEWRAP|SHUTDOWNWRAP|UDPSENDWRAP)$/;

/** Timers are fake or the runtime's. Immediates have had their turn. */
const IGNORED: ReadonlySet<string> = new Set(["Timeout", "Immediate"]);

/** Pauses between two looks, while I/O is under way: doubling. */
const FIRST_PAUSE_MS = 1;
const MAX_PAUSE_MS = 16;

/** The I/O of this thread since fake time began. */
export class Activity {
  readonly #before: ReadonlyMap<string, number>;
  readonly #requests: Set<number> = new Set();
  readonly #hook: AsyncHook;

  constructor() {
    // Node opens them at their first use, which is no I/O of the program.
    for (const name of ["stdout", "stderr"] as const) void process[name];
    this.#before = handles();
    const ended = (id: number): void => void this.#requests.delete(id);
    this.#hook = createHook({
      init: (id, type) => {
        if (REQUEST.test(type)) this.#requests.add(id);
      },
      after: ended,
      destroy: ended,
    }).enable();
  }

  /** Settles when the thread is parked. */
  async parked(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    for (;;) {
      // What runs in one may schedule the next.
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      if (runQueue.isIdle && !this.#isActive()) return;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2);
    }
  }

  end(): void {
    this.#hook.disable();
  }

  #isActive(): boolean {
    if (this.#requests.size > 0) return true;
    for (const [type, count] of handles()) if (count > (this.#before.get(type) ?? 0)) return true;
    return false;
  }
}

function handles(): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const type of process.getActiveResourcesInfo()) {
    if (!IGNORED.has(type)) counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  return counts;
}
