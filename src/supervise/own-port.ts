/**
 * The port between one of this library's threads and whoever started it. It is their own, because the program's code on that
 * thread also uses `parentPort` and `workerData`. Its messages there, and its expectations, are not meant for this library.
 */

import { type MessagePort, receiveMessageOnPort, workerData } from "node:worker_threads";

/** Set on a main thread, which nobody has started with `workerData`. */
let coming: Promise<unknown> | undefined;

/** On a main thread: its boot data comes as the first message of this port, which is the thread's own from then on. */
export function bootFrom(port: MessagePort): void {
  coming = new Promise((resolve) => {
    port.once("message", (boot: object) => resolve({ ...boot, port }));
  });
}

/** Of this thread, whether it is a main thread or not. */
export async function takeAnyBoot(): Promise<unknown> {
  return await (coming ?? takeBoot());
}

/** On the thread: takes its boot data out of `workerData`, so that the program finds nothing of it. */
export function takeBoot(): unknown {
  const data = workerData as Record<string, unknown>;
  const boot = { ...data };
  for (const name of Object.keys(data)) delete data[name];
  return boot;
}

/** On the other side: receives the thread's last messages. Its end and its error come another way, and may overtake them. */
export function hearRest(port: MessagePort, receive: (message: never) => void): void {
  for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
    receive(next.message as never);
  }
}
