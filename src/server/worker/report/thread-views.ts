/** What each thread of a worker does now, with the stack of a stuck thread. For `heddle threads`. */

import { formatStack } from "../../../supervise/inspect/thread-stack.ts";
import type { HandlerPool } from "../handlers/handler-pool.ts";
import type { HandlerThreadHandle } from "../handlers/handler-thread-handle.ts";
import type { ThreadView } from "../worker-protocol.ts";
import type { ServingThreadHandle } from "../serving/serving-thread-handle.ts";
import type { ExchangeView } from "../serving/serving-protocol.ts";
import { captureStack } from "./stack-capture.ts";
import type { BlockedThreads } from "../blocked-threads.ts";
import { type AppThread, lookAtUnits } from "./unit-views.ts";

const STACK_TIMEOUT_MS = 500;

/** A handler may block. If it has its request for longer than this, its stack is shown. */
const LONG_MS = 1000;

/** All threads of the worker that run the app, as the commands name them. */
export function appThreads(
  threads: readonly ServingThreadHandle[],
  pools: readonly HandlerPool[],
  blocked: BlockedThreads,
): AppThread[] {
  const serving = threads.map((thread) => servingThread(thread, blocked));
  return [...serving, ...pools.flatMap((pool) => pool.handlers.map((handler) => handlerThread(pool, handler)))];
}

function servingThread(thread: ServingThreadHandle, blocked: BlockedThreads): AppThread {
  const { index, threadId, units } = thread;
  return { name: `thread ${index}`, threadId, blockedMs: () => blocked.blockedMs(thread), units };
}

function handlerThread({ spec }: HandlerPool, { id, threadId, units }: HandlerThreadHandle): AppThread {
  return { name: `handler pool ${spec.name}, thread ${id}`, threadId, blockedMs: () => 0, units };
}

export async function viewThreads(
  threads: readonly ServingThreadHandle[],
  pools: readonly HandlerPool[],
  blocked: BlockedThreads,
): Promise<readonly ThreadView[]> {
  const serving = await viewServing(threads, blocked);
  const exchanges = serving.flat().flatMap((view) => view.exchanges);
  const handlers = await Promise.all(pools.map((pool) => viewPool(pool, exchanges)));
  return [...serving.flat(), ...handlers.flat(2)];
}

function viewPool(pool: HandlerPool, exchanges: readonly ExchangeView[]): Promise<ThreadView[][]> {
  return Promise.all(
    pool.handlers.map(async (handler) => {
      const { id, state, threadId } = handler;
      const own = exchanges.filter(({ handler, pool: name }) => handler === id && name === pool.spec.name);
      const isLong = own.some((exchange) => exchange.state === "executing" && exchange.forMs > LONG_MS);
      const [stack, units] = await Promise.all([
        isLong ? captureStack(threadId, STACK_TIMEOUT_MS) : undefined,
        lookAtUnits(handlerThread(pool, handler)),
      ]);
      const view: ThreadView = {
        worker: process.pid,
        pool: pool.spec.name,
        thread: id,
        state,
        blockedMs: 0,
        exchanges: own,
        stack: isLong ? (stack === undefined ? "    (inside a native call)" : formatStack(stack.frames)) : undefined,
        ...(units.own && { units: units.own }),
      };
      return [view, ...startedByApp(units.others)];
    }),
  );
}

function viewServing(threads: readonly ServingThreadHandle[], blocked: BlockedThreads): Promise<ThreadView[][]> {
  return Promise.all(
    threads.map(async (thread) => {
      const blockedMs = blocked.blockedMs(thread);
      const [stack, seen, units] = await Promise.all([
        blockedMs > 0 ? captureStack(thread.threadId, STACK_TIMEOUT_MS) : undefined,
        blockedMs > 0 ? [] : thread.exchanges(),
        lookAtUnits(servingThread(thread, blocked)),
      ]);
      const view: ThreadView = {
        worker: process.pid,
        thread: thread.index,
        state: thread.state,
        blockedMs: Math.round(blockedMs),
        exchanges: stack?.probe?.exchanges ?? seen ?? [],
        stack: stack === undefined ? undefined : formatStack(stack.frames),
        ...(units.own && { units: units.own }),
      };
      return [view, ...startedByApp(units.others)];
    }),
  );
}

/** Threads that run only tasks and actors. */
function startedByApp(others: Awaited<ReturnType<typeof lookAtUnits>>["others"]): ThreadView[] {
  return others.map(({ role, thread, silent, units }) => ({
    worker: process.pid,
    role: role ?? "other",
    thread: thread ?? -1,
    state: "ready",
    blockedMs: silent?.forMs ?? 0,
    exchanges: [],
    stack:
      silent?.frame === undefined
        ? undefined
        : `    at ${silent.frame}${silent.unit === undefined ? "" : `, ${silent.unit}`}`,
    ...(units && { units }),
  }));
}
