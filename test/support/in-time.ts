/**
 * Tests of what a server does for a client that keeps to a time limit of the server's that cannot be set. On a busy machine the client,
 * or the server, may stand still for longer. An attempt that fails then shows nothing, and is repeated. One that fails in time is a fault.
 */

import type { Writable } from "node:stream";
import type { RawConnection } from "./raw-connection.ts";

/** For so long a server reads on from a client that it has given its last answer (docs/decisions/connections-that-end.md). */
export const LINGER_MS = 2000;
/** For so long a server works for a client that has ended its side, and reads nothing. */
const HALF_CLOSED_MS = 5000;
/** Half of what the server allows between a client's last byte and its end. */
const LATE_MS = 10;
/** Some stand still by chance. A server that fails every time is broken. */
const TRIES = 10;

export interface Clock {
  /** What follows shows something only if it takes no longer than that. */
  readonly within: (ms: number) => void;
  /** Sends the bytes, and the end of the client's side right behind them. The answer is due within HALF_CLOSED_MS. */
  readonly sendLast: (client: RawConnection | Writable, bytes: string) => void;
}

export async function inTime(attempt: (clock: Clock) => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    const limits: (() => boolean)[] = [];
    const within = (ms: number): void => {
      const beganMs = performance.now();
      limits.push(() => performance.now() - beganMs > ms);
    };
    const clock: Clock = {
      within,
      sendLast: (client, bytes) => {
        within(HALF_CLOSED_MS);
        const socket = "socket" in client ? client.socket : client;
        const sentMs = performance.now();
        let endedMs = Infinity;
        socket.once("finish", () => (endedMs = performance.now()));
        socket.end(Buffer.from(bytes, "latin1"));
        limits.push(() => endedMs - sentMs > LATE_MS);
      },
    };
    try {
      await attempt(clock);
      return;
    } catch (error) {
      if (tries === TRIES || !limits.some((isOver) => isOver())) throw error;
    }
  }
}
