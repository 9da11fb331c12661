/**
 * The app's prints (`console.log` in a handler) go through this process's own standard streams. These may fail at any time:
 * the disk is full, or the reader is gone. Node then ends the process, and stops forwarding the output of its threads.
 * With this, only the output that could not be written is lost.
 */

import type { Readable } from "node:stream";

export function keepPrinting(): void {
  for (const stream of [process.stdout, process.stderr]) {
    // Every thread adds listeners.
    stream.setMaxListeners(0);
    const stopped = new Set<Readable>();
    stream.on("unpipe", (source: Readable) => void stopped.add(source));
    stream.on("error", () => {
      for (const source of stopped) if (!source.readableEnded) source.pipe(stream);
      stopped.clear();
    });
  }
}
