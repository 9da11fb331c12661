/**
 * What the app prints (`console.log` in a handler) leaves through this process's own standard streams, which may fail at any
 * time: the disk behind them is full, or the reader has gone. Node ends a process for that, and stops passing on what
 * its threads print. Here the output is lost that could not be written, and no more.
 */

import type { Readable } from "node:stream";

export function keepPrinting(): void {
  for (const stream of [process.stdout, process.stderr]) {
    // Every thread is one.
    stream.setMaxListeners(0);
    const stopped = new Set<Readable>();
    stream.on("unpipe", (source: Readable) => void stopped.add(source));
    stream.on("error", () => {
      for (const source of stopped) if (!source.readableEnded) source.pipe(stream);
      stopped.clear();
    });
  }
}
