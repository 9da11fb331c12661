/**
 * The port over which one of this library's threads and whoever started it speak. It is one of their own: `parentPort` and
 * `workerData` are open to the program's code that runs there, and what that says to whoever has started its thread, or
 * expects of it, is not meant for this library.
 */

import { type MessagePort, receiveMessageOnPort, workerData } from "node:worker_threads";

/** On the thread: what it was started with, taken out of its `workerData`, so that the program finds nothing of it. */
export function takeBoot(): unknown {
  const data = workerData as Record<string, unknown>;
  const boot = { ...data };
  for (const name of Object.keys(data)) delete data[name];
  return boot;
}

/** On the other side: what the thread has said and was not heard yet. Its end and its error are told another way, and may overtake it. */
export function hearRest(port: MessagePort, receive: (message: never) => void): void {
  for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
    receive(next.message as never);
  }
}
