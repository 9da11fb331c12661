/**
 * To whom the connections go that the arbiter accepts: `least-connections.ts` for most models, `idle-workers.ts` for `sync`.
 */

import type { Socket } from "node:net";

export interface Balancer {
  /** Connections that wait, unread. */
  readonly waiting: number;
  /** Connections turned away since start. */
  readonly shed: number;
  /** A connection that has just been accepted. */
  take(socket: Socket): void;
  /** Connections that a worker got and could not begin with, oldest first. */
  takeBack(sockets: readonly Socket[]): void;
  /** A worker has begun to serve or with a connection, or has become idle. */
  look(): void;
  /**
   * The server stops, and has taken everybody who was to be taken. Resolves when the workers may be let go: nobody waits
   * any more whom they should serve, or `withinMs` is over. What comes back from now on comes too late for them.
   */
  finish(withinMs: number): Promise<void>;
  /** Ends every connection that is still here. */
  close(): void;
}
