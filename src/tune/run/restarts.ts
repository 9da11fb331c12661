/** An app that ends under load is measured all the same, and only its server's log would tell why its answers failed. Pure. */

import { count } from "../../errors/count.ts";
import type { Restarts } from "../probe/loops.ts";
import { formatShape } from "../shape.ts";
import type { Shape } from "../types.ts";

/** A sentence for the notes. undefined: nothing ended. `lastError`: of the server's log. */
export function restartsNote(
  shape: Shape,
  { workers, threads }: Restarts,
  lastError: string | undefined,
): string | undefined {
  if (workers + threads === 0) return undefined;
  const ended = [
    ...(workers === 0 ? [] : [count(workers, "worker")]),
    ...(threads === 0 ? [] : [count(threads, "thread")]),
  ].join(" and ");
  const log = lastError === undefined ? "" : `; the server's log says: ${lastError}`;
  return `${formatShape(shape)}: ${ended} ended while it was measured and had to be replaced${log}. Their requests failed.`;
}
