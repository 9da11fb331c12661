/** A thread that sends exchanges through a gate and counts, in shared memory, how many are inside at once. */

import { parentPort, workerData } from "node:worker_threads";
import type { WaitEnd } from "../../../../src/server/models/model.ts";
import type { Exchange } from "../../../../src/server/http/exchange.ts";
import { Gate, type GateHandle } from "../../../../src/server/http/admit/gate.ts";

export interface GateThreadData {
  readonly gate: GateHandle;
  /** [inside now, most inside at once, admitted] */
  readonly counts: SharedArrayBuffer;
  readonly entries: number;
  readonly atOnce: number;
  /** Never leave: the thread is going to be killed. */
  readonly stays: boolean;
}

const { gate: handle, counts, entries, atOnce, stays } = workerData as GateThreadData;
const port = parentPort!;
const gate = new Gate(handle, 0);
const words = new Int32Array(counts);
// Waiting for another thread's slot does not keep a thread alive.
const alive = setInterval(() => {}, 1000);

await Promise.all(Array.from({ length: atOnce }, () => enterInTurn()));
clearInterval(alive);

async function enterInTurn(): Promise<void> {
  for (let i = 0; i < entries; i++) {
    await enter();
    const inside = Atomics.add(words, 0, 1) + 1;
    for (let most = Atomics.load(words, 1); inside > most; most = Atomics.load(words, 1)) {
      Atomics.compareExchange(words, 1, most, inside);
    }
    Atomics.add(words, 2, 1);
    if (stays) {
      port.postMessage("inside");
      await new Promise(() => {});
    }
    if (i % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
    Atomics.sub(words, 0, 1);
    gate.release();
  }
}

function enter(): Promise<unknown> | undefined {
  if (gate.tryEnter()) return undefined;
  return new Promise<WaitEnd>((resolve) => {
    if (!gate.enqueue({} as Exchange, 0, resolve)) throw new Error("the queue is full");
    if (stays) port.postMessage("waiting");
  });
}
