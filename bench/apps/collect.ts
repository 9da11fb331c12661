/** Collects this thread's garbage, and says which thread that was: a benchmark asks until it has heard from all. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { threadId } from "node:worker_threads";

let gc: (() => void) | undefined;

export function collect(): string {
  if (gc === undefined) {
    setFlagsFromString("--expose-gc");
    gc = runInNewContext("gc") as () => void;
  }
  gc();
  return `${process.pid} ${threadId}\n`;
}
