/** What each thread of a worker does now, with the stack of a stuck thread. For `heddle threads`. */

import { formatStack } from "../../../supervise/inspect/thread-stack.ts";
import type { HandlerPool } from "../handlers/handler-pool.ts";
import type { ThreadView } from "../worker-protocol.ts";
import type { ServingThreadHandle } from "../serving/serving-thread-handle.ts";
import type { ExchangeView } from "../serving/serving-protocol.ts";
import { captureStack } from "./stack-capture.ts";
import type { BlockedThreads } from "../blocked-threads.ts";

const STACK_TIMEOUT_MS = 500;

/** A handler may block. If it has its request for longer than this, its stack is shown. */
const LONG_MS = 1000;

export async function viewThreads(
  threads: readonly ServingThreadHandle[],
  pools: readonly HandlerPool[],
  blocked: BlockedThreads,
): Promise<readonly ThreadView[]> {
  const serving = await viewServing(threads, blocked);
  const exchanges = serving.flatMap((view) => view.exchanges);
  const handlers = await Promise.all(pools.map((pool) => viewPool(pool, exchanges)));
  return [...serving, ...handlers.flat()];
}

function viewPool(pool: HandlerPool, exchanges: readonly ExchangeView[]): Promise<ThreadView[]> {
  return Promise.all(
    pool.handlers.map(async ({ id, state, threadId }) => {
      const own = exchanges.filter(({ handler, pool: name }) => handler === id && name === pool.spec.name);
      const isLong = own.some((exchange) => exchange.state === "executing" && exchange.forMs > LONG_MS);
      const stack = isLong ? await captureStack(threadId, STACK_TIMEOUT_MS) : undefined;
      return {
        worker: process.pid,
        pool: pool.spec.name,
        thread: id,
        state,
        blockedMs: 0,
        exchanges: own,
        stack: isLong ? (stack === undefined ? "    (inside a native call)" : formatStack(stack.frames)) : undefined,
      };
    }),
  );
}

function viewServing(threads: readonly ServingThreadHandle[], blocked: BlockedThreads): Promise<ThreadView[]> {
  return Promise.all(
    threads.map(async (thread) => {
      const blockedMs = blocked.blockedMs(thread);
      const stack = blockedMs > 0 ? await captureStack(thread.threadId, STACK_TIMEOUT_MS) : undefined;
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
