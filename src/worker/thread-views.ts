/** What each thread of a worker is doing now; of one that stands still, its stack. For `heddle threads`. */

import type { ThreadView } from "./protocol.ts";
import type { ServingThreadHandle } from "./serving-thread-handle.ts";
import { formatStack } from "./stack-capture.ts";
import type { Watchdog } from "./watchdog.ts";

const STACK_TIMEOUT_MS = 500;

export function viewThreads(
  threads: readonly ServingThreadHandle[],
  watchdog: Watchdog,
): Promise<readonly ThreadView[]> {
  return Promise.all(
    threads.map(async (thread) => {
      const blockedMs = watchdog.stuckMs(thread);
      const stack = blockedMs > 0 ? await watchdog.look(thread, STACK_TIMEOUT_MS) : undefined;
      const seen = blockedMs > 0 ? [] : ((await thread.exchanges()) ?? []);
      return {
        worker: process.pid,
        thread: thread.index,
        state: thread.state,
        blockedMs: Math.round(blockedMs),
        exchanges: stack?.probe?.exchanges ?? seen,
        stack: stack === undefined ? undefined : formatStack(stack.frames),
      };
    }),
  );
}
