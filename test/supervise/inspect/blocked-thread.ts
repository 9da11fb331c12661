/** A thread that blocks in a given way, shows it in shared memory, and goes on when told there. */

import { openSync, readSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";

export interface Orders {
  readonly way: "spin" | "deep" | "after an await" | "in a native call";
  /** One word each, 0 until it is so. */
  readonly blocked: Int32Array<SharedArrayBuffer>;
  readonly released: Int32Array<SharedArrayBuffer>;
  /** A named pipe, for the native call to wait on: it ends when something is written. */
  readonly pipe?: string;
}

const { way, blocked, released, pipe } = workerData as Orders;

Error.stackTraceLimit = 7;
Error.prepareStackTrace = () => "the app's own";

function spin(): void {
  Atomics.store(blocked, 0, 1);
  while (Atomics.load(released, 0) === 0);
}

function deeper(depth: number): number {
  if (depth > 0) return deeper(depth - 1) + 1;
  spin();
  return 0;
}

async function outer(): Promise<void> {
  await inner();
}

async function inner(): Promise<void> {
  await Promise.resolve();
  spin();
}

function read(fd: number): void {
  Atomics.store(blocked, 0, 1);
  readSync(fd, Buffer.alloc(1));
  spin();
}

switch (way) {
  case "spin":
    spin();
    break;
  case "deep":
    deeper(5000);
    break;
  case "after an await":
    await outer();
    break;
  case "in a native call":
    read(openSync(pipe!, "r+"));
    break;
}
parentPort!.postMessage([Error.stackTraceLimit, new Error("as ever").stack], []);
