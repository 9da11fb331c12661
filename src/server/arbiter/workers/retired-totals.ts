/** The added-up counts of workers that are gone. Its size does not grow, even if a server recycles workers for months. */

import { addSparse, HISTOGRAM_BUCKETS, type SparseCounts, toSparse } from "../../../kit/latency-histogram.ts";
import { noCounts } from "../../worker/report/row-totals.ts";
import type { Counters, WorkerTotals } from "../../worker/worker-protocol.ts";

export class RetiredTotals implements WorkerTotals {
  counters: Counters = noCounts();
  handler: SparseCounts = [];
  queue: SparseCounts = [];
  threadRestarts = 0;
  runaways = 0;

  add(report: WorkerTotals): void {
    this.counters = addCounters([this, report]);
    this.handler = addCounts(this.handler, report.handler);
    this.queue = addCounts(this.queue, report.queue);
    this.threadRestarts += report.threadRestarts;
    this.runaways += report.runaways;
  }
}

export function addCounters(reports: readonly Pick<WorkerTotals, "counters">[]): Counters {
  const total = noCounts();
  for (const { counters } of reports) {
    for (const name of Object.keys(total) as (keyof Counters)[]) total[name] += counters[name];
  }
  return total;
}

function addCounts(a: SparseCounts, b: SparseCounts): SparseCounts {
  const counts = new Float64Array(HISTOGRAM_BUCKETS);
  addSparse(counts, a);
  addSparse(counts, b);
  return toSparse(counts);
}
