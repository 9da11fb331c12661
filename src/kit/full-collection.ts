/** A full garbage collection, in one synchronous stretch: milliseconds, or seconds for a large heap. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let made: (() => void) | undefined;

/** V8's own, which Node shows only under `--expose-gc`. */
export function fullCollection(): void {
  if (made === undefined) {
    setFlagsFromString("--expose_gc");
    made = runInNewContext("gc") as () => void;
  }
  made();
}
