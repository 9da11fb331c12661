/** Collects this thread's garbage, and says which thread that was: a benchmark asks until it has heard from all. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { threadId } from "node:worker_threads";

/** Of V8, as `--expose-gc` shows it. "last-resort" collects again until nothing more goes, and gives the pages back. */
type Collect = (options: { type: "major"; execution: "sync"; flavor: "last-resort" }) => void;

let gc: Collect | undefined;

export function collect(): string {
  if (gc === undefined) {
    setFlagsFromString("--expose-gc");
    gc = runInNewContext("gc") as Collect;
  }
  gc({ type: "major", execution: "sync", flavor: "last-resort" });
  return `${process.pid} ${threadId}\n`;
}
