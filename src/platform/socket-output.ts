/** How far the kernel has taken what was written to a socket: libuv's own counts, for which Node has no public name. */

import type { Socket } from "node:net";

interface OutputHandle {
  /** Bytes that were written and that the kernel has not taken. */
  readonly writeQueueSize: number;
  /** Bytes that were written. */
  readonly bytesWritten: number;
}

export interface Output {
  readonly queuedBytes: number;
  readonly takenBytes: number;
}

/** Of a TCP or Unix socket, also one under TLS. A closed one has nothing queued. */
export function outputOf(socket: Socket): Output {
  const handle = Reflect.get(socket, "_handle") as OutputHandle | null;
  if (handle === null) return { queuedBytes: 0, takenBytes: 0 };
  const { writeQueueSize, bytesWritten } = handle;
  return { queuedBytes: writeQueueSize, takenBytes: bytesWritten - writeQueueSize };
}
