/**
 * # design: threads
 * The handler runs on one of M handler threads of the worker, one request at a time on each. It may block, wait synchronously
 * or compute, and delays only itself. Requests wait in one queue for the next free thread. The client's connection stays on
 * its serving thread and is never tied to a busy handler.
 *
 * # design: thread-per-request
 * The same, with a thread that ends after one request. Its module state is new each time, and whatever the handler did to
 * its isolate ends with it. A few threads are kept ready, so that a request need not wait for a thread to start.
 *
 * # design: tasks
 * The same, with any number of requests at once on each thread, each a task of `heddle/tasks`. A request goes to the thread that
 * has the fewest, one thread for each CPU. A handler that blocks delays only what has begun on its thread: the rest is taken back
 * and begins on another one.
 */

import type { Model, StartModel } from "./model.ts";

export const threads: Model = { name: "threads", capabilities: { upgrades: false }, load };

export const threadPerRequest: Model = { name: "thread-per-request", capabilities: { upgrades: false }, load };

export const tasks: Model = { name: "tasks", capabilities: { upgrades: false }, load };

async function load(): Promise<StartModel> {
  const { OnHandlerThreads } = await import("./offload/dispatch/on-handler-threads.ts");
  return (host) => new OnHandlerThreads(host);
}
