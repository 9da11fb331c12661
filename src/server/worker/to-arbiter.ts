/** What a worker says to the arbiter goes through here. When the arbiter is gone, nothing is said, and nothing fails. */

import type { Socket } from "node:net";
import { handleOf, sendable } from "../../platform/node-internals/handles.ts";
import type { FromWorker } from "./worker-protocol.ts";

/** `sent`: it has left this process, or nobody is there. */
export function tell(message: FromWorker, sent?: () => void): void {
  if (process.connected) process.send!(message, undefined, undefined, () => sent?.());
  else sent?.();
}

/** false: it can't be sent. */
export function tellWith(socket: Socket, message: FromWorker): boolean {
  const handle = handleOf(socket);
  if (!process.connected || handle === null) return false;
  process.send!(message, sendable(handle));
  return true;
}

/** Resolves when the message has left this process. */
export function written(message: FromWorker): Promise<void> {
  return new Promise((resolve) => tell(message, resolve));
}
