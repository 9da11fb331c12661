/** A full garbage collection, in one synchronous stretch: milliseconds, or seconds for a large heap. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let made: (() => void) | undefined;

/** V8's own, which Node shows only under `--expose-gc`. */
export function fullCollection(): void {
  collector()();
}

/**
 * For a thread that may collect garbage while the debugger pauses it. If its first full collection is one in such a pause, the thread does
 * not answer the inspector any more some time later (Node 26.10; on a busy machine, each time; not understood). So the first one is here. It
 * takes some milliseconds, when the thread's heap is small.
 */
export function prepareCollection(): void {
  fullCollection();
}

function collector(): () => void {
  if (made === undefined) {
    setFlagsFromString("--expose_gc");
    made = runInNewContext("gc") as () => void;
  }
  return made;
}
