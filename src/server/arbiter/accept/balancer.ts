/**
 * Distributes the connections that the arbiter accepts: `least-connections.ts` for most models, `idle-workers.ts` for `sync`.
 */

import type { Socket } from "node:net";

export interface Balancer {
  /** Connections that wait, unread. */
  readonly waiting: number;
  /** Connections refused since start. */
  readonly shed: number;
  /** Whether a connection that is accepted now would go to a worker, or may wait. Otherwise none should be accepted. */
  readonly hasRoom: boolean;
  /** Takes a connection that has just been accepted. */
  take(socket: Socket): void;
  /** Takes connections back that a worker got but could not begin, oldest first. */
  takeBack(sockets: readonly Socket[]): void;
  /** A worker has begun to serve, has begun a connection, or has become idle. */
  look(): void;
  /**
   * The server stops, and no new connections come. Resolves when the workers may be drained: no connection waits for them any
   * more, or `withinMs` is over. Connections that come back later are refused.
   */
  finish(withinMs: number): Promise<void>;
  /** Ends every connection that is still here. */
  close(): void;
}
