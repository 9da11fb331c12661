/** Writes a row from its own thread. */

import { workerData } from "node:worker_threads";
import { monotonicMs } from "../../src/kit/clock.ts";
import { COUNTER, LoadRow } from "../../src/supervise/load-board.ts";

const row = new LoadRow(workerData as SharedArrayBuffer);
row.counters[COUNTER.started]! += 5;
row.counters[COUNTER.finished]! += 3;
row.handlerCounts[7]!++;
row.queueCounts[8]!++;
row.beat(monotonicMs());
