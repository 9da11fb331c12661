/** Shows a progress view on stdout as if it were a terminal, until it is ended: `alone`, `handled` (it listens itself) or `exit`. */

import { writeSync } from "node:fs";
import { ProgressView } from "../../../../src/tune/report/terminal/progress-view.ts";

const write = (text: string): void => void writeSync(1, text);
const view = new ProgressView(
  { isTTY: true, columns: 80, rows: 24, write },
  { columns: 80, rows: 24, colour: false, unicode: true, live: true },
);
if (process.argv[2] === "handled") {
  process.on("SIGINT", () => {
    setImmediate(() => {
      write("handled\n");
      process.exit(7);
    });
  });
}
/** Nobody waits for longer. */
setTimeout(() => process.exit(9), 60_000);
view.show({ stage: "measuring" });
if (process.argv[2] === "exit") process.exit(0);
