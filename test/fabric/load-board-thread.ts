/** Writes a row from a thread of its own. */

import { workerData } from "node:worker_threads";
import { COUNTER, LoadRow, monotonicMs } from "../../src/fabric/load-board.ts";

const row = new LoadRow(workerData as SharedArrayBuffer);
row.counters[COUNTER.started]! += 5;
row.counters[COUNTER.finished]! += 3;
row.handlerCounts[7]!++;
row.queueCounts[8]!++;
row.beat(monotonicMs());
