/**
 * Whether the running code was begun by a module that is imported for its tasks or actors: the module's top level, and what that has
 * started. On a thread of the runtime in a server, such code must not serve: the app's `listen()` is for the server's own threads.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { perThread } from "../kit/per-thread.ts";

const importing: AsyncLocalStorage<true> = perThread("importing", () => new AsyncLocalStorage<true>());

export async function importForUnits(url: string): Promise<void> {
  await importing.run(true, async () => (await import(url)) as unknown);
}

export function isImporting(): boolean {
  return importing.getStore() === true;
}
