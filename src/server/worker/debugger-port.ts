/**
 * Node's inspector in a worker, for a debugger (`--inspect`). Each worker opens its own port: the given one plus its number, or,
 * where that is taken (by the worker that it replaces), any free one. Node prints the address.
 *
 * On the process's main thread: a debugger that is connected there sees its threads as well.
 */

import { isMainThread } from "node:worker_threads";
import type { ServerConfig } from "../../config/config.ts";

const HOST = "127.0.0.1";
const MAX_PORT = 65_535;

/** Before the app is loaded. */
export async function openDebuggerPort({ inspectPort }: ServerConfig, slot: number): Promise<void> {
  if (inspectPort === undefined || !isMainThread) return;
  // Not imported statically: it is for development only.
  const { open, url } = await import("node:inspector");
  open(inspectPort === 0 ? 0 : Math.min(inspectPort + slot, MAX_PORT), HOST);
  if (url() === undefined) open(0, HOST);
}
