/** What each thread of a worker does now, with the stack of a stuck thread. For `heddle threads`. */

import { formatStack } from "../../../supervise/inspect/thread-stack.ts";
import type { HandlerPool } from "../handlers/handler-pool.ts";
import type { HandlerThreadHandle } from "../handlers/handler-thread-handle.ts";
import type { ThreadView } from "../worker-protocol.ts";
import type { ServingThreadHandle } from "../serving/serving-thread-handle.ts";
import type { ExchangeView } from "../serving/serving-protocol.ts";
import { captureStack } from "./stack-capture.ts";
import type { BlockedThreads } from "../blocked-threads.ts";
import type { RuntimeUnits } from "./runtime-units.ts";
import { lookAtUnits, unitsOf, type WatchedThread } from "./unit-views.ts";

const STACK_TIMEOUT_MS = 500;

/** A handler may block. If it has its request for longer than this, its stack is shown. */
const LONG_MS = 1000;

/** All threads of the worker that run the app, as the commands name them. */
export function watchedThreads(
  threads: readonly ServingThreadHandle[],
  pools: readonly HandlerPool[],
  blocked: BlockedThreads,
  runtime: RuntimeUnits,
): WatchedThread[] {
  const serving = threads.map((thread) => servingThread(thread, blocked));
  const handlers = pools.flatMap((pool) => pool.handlers.map((handler) => handlerThread(pool, handler, runtime)));
  return [...serving, ...handlers];
}

function servingThread(thread: ServingThreadHandle, blocked: BlockedThreads): WatchedThread {
  return { name: `thread ${thread.index}`, blockedMs: () => blocked.blockedMs(thread), units: thread.units };
}

/** Under `tasks` a thread that stands still holds up others. The other models' handlers may block. */
function handlerThread({ spec }: HandlerPool, handler: HandlerThreadHandle, runtime: RuntimeUnits): WatchedThread {
  const { id, units } = handler;
  const blockedMs = (): number => (spec.model === "tasks" ? (runtime.silentMs(handler.threadId) ?? 0) : 0);
  return { name: `handler pool ${spec.name}, thread ${id}`, blockedMs, units };
}

export async function viewThreads(
  threads: readonly ServingThreadHandle[],
  pools: readonly HandlerPool[],
  blocked: BlockedThreads,
  runtime: RuntimeUnits,
): Promise<readonly ThreadView[]> {
  const others = viewOthers(runtime);
  const serving = await viewServing(threads, blocked);
  const exchanges = serving.flatMap((view) => view.exchanges);
  const handlers = await Promise.all(pools.map((pool) => viewPool(pool, exchanges, runtime)));
  return [...serving, ...handlers.flat(), ...(await others)];
}

function viewPool(pool: HandlerPool, exchanges: readonly ExchangeView[], runtime: RuntimeUnits): Promise<ThreadView[]> {
  return Promise.all(
    pool.handlers.map(async (handler) => {
      const { id, state, threadId } = handler;
      const own = exchanges.filter(({ handler, pool: name }) => handler === id && name === pool.spec.name);
      const watched = handlerThread(pool, handler, runtime);
      const blockedMs = watched.blockedMs();
      const isLong = own.some((exchange) => exchange.state === "executing" && exchange.forMs > LONG_MS);
      const isStuck = pool.spec.model === "tasks" ? blockedMs > 0 : isLong;
      const [stack, units] = await Promise.all([
        isStuck ? captureStack(threadId, STACK_TIMEOUT_MS) : undefined,
        lookAtUnits(watched),
      ]);
      return {
        worker: process.pid,
        pool: pool.spec.name,
        thread: id,
        state,
        blockedMs: Math.round(blockedMs),
        exchanges: own,
        stack: isStuck
          ? stack === undefined
            ? "    (inside a native call)"
            : formatStack(stack.frames) || undefined
          : undefined,
        ...(units && { units }),
      };
    }),
  );
}

function viewServing(threads: readonly ServingThreadHandle[], blocked: BlockedThreads): Promise<ThreadView[]> {
  return Promise.all(
    threads.map(async (thread) => {
      const blockedMs = blocked.blockedMs(thread);
      const [stack, seen, units] = await Promise.all([
        blockedMs > 0 ? captureStack(thread.threadId, STACK_TIMEOUT_MS) : undefined,
        blockedMs > 0 ? [] : thread.exchanges(),
        lookAtUnits(servingThread(thread, blocked)),
      ]);
      return {
        worker: process.pid,
        thread: thread.index,
        state: thread.state,
        blockedMs: Math.round(blockedMs),
        exchanges: stack?.probe?.exchanges ?? seen ?? [],
        stack: stack === undefined ? undefined : formatStack(stack.frames),
        ...(units && { units }),
      };
    }),
  );
}

/** Threads that run only tasks and actors. */
async function viewOthers(runtime: RuntimeUnits): Promise<ThreadView[]> {
  const answers = await runtime.ask("look");
  const counted = runtime.counts();
  return answers.map((answer) => {
    const { silent } = answer;
    const known = counted.find(({ thread }) => thread === answer.thread);
    const units = unitsOf(answer, known?.counts);
    const unit = silent?.unit === undefined ? "" : `, ${silent.unit}`;
    return {
      worker: process.pid,
      role: answer.role!,
      thread: answer.thread!,
      state: "ready",
      blockedMs: silent?.forMs ?? 0,
      exchanges: [],
      stack: silent?.frame === undefined ? undefined : `    at ${silent.frame}${unit}`,
      ...(units && { units }),
    };
  });
}
