/**
 * The connections that pass between a worker and the arbiter: those that it is handed, those that it passes on to other workers, and
 * those that it gives back when it drains.
 *
 * Handed connections have numbers. Of those up to the latest number, what has not arrived never will (`arbiter/accept/handovers.ts`).
 */

import type { Socket } from "node:net";
import { unread } from "../../../platform/node-internals/handles.ts";
import type { LoadRow } from "../../../supervise/load-board.ts";
import { tell, tellWith } from "../to-arbiter.ts";
import type { ToWorker } from "../worker-protocol.ts";
import type { Accepted } from "./accepted.ts";
import type { Acceptor } from "./acceptor.ts";
import type { Arrivals } from "./handed-connections.ts";
import { PassedOn } from "./passed-on.ts";
import type { Ahead } from "./prefetched-connection.ts";

export interface IncomingOptions {
  readonly acceptor: Acceptor;
  readonly arrivals: Arrivals | Ahead;
  /** This worker's row, if others count connections in it. */
  readonly row: () => LoadRow | undefined;
  /** That of the worker with this pid. */
  readonly rowOf: (pid: number) => LoadRow | undefined;
}

export class Incoming {
  readonly passedOn: PassedOn = new PassedOn({
    send: (socket, pid, id) => {
      if (!tellWith(socket, { type: "pass-on", pid, id })) this.passedOn.lost(id);
    },
    ask: (upTo) => tell({ type: "pass-check", upTo }),
    keep: (socket, pid) => this.#keep(socket, pid),
  });
  readonly #options: IncomingOptions;
  /** The number of the last connection from the arbiter. */
  #handed = 0;

  constructor(options: IncomingOptions) {
    this.#options = options;
  }

  receive({ number, isCounted }: ToWorker & { type: "connection" }, handle: object | undefined): void {
    this.missing(number - 1);
    this.#handed = number;
    // Its client has left.
    if (handle === undefined && isCounted) this.#options.row()?.tryLower("connections");
    this.#options.arrivals.receive(handle, isCounted);
  }

  /** Of the connections up to this number, those that have not arrived never will. */
  missing(upTo: number): void {
    if (upTo <= this.#handed) return;
    tell({ type: "not-received", from: this.#handed + 1, upTo });
    this.#handed = upTo;
  }

  /** Another worker takes over: a connection that no thread here has taken is its to serve. */
  giveBack(accepted: Accepted): void {
    const socket = accepted.kind === "fd" ? unread(accepted) : accepted.socket;
    if (!tellWith(socket, { type: "return" })) socket.destroy();
  }

  /** A connection that this worker passed on has not left. */
  #keep(socket: Socket, pid: number): void {
    this.#options.rowOf(pid)?.tryLower("connections");
    this.#options.acceptor.take(socket);
  }
}
