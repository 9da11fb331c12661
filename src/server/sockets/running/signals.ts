/** What a socket's actor receives beside the client's messages. Like exit messages they are never refused or lost. */

import { Signal } from "../../../actors/messaging/signal.ts";
import type { SocketClose, SocketDrain } from "../socket-actor.ts";

export class CloseMessage extends Signal implements SocketClose {
  readonly type = "close";
  readonly code: number;
  readonly reason: string;

  constructor(code: number, reason: string) {
    super();
    this.code = code;
    this.reason = reason;
  }
}

export class DrainMessage extends Signal implements SocketDrain {
  readonly type = "drain";
  readonly reason: "stop" | "restart";

  constructor(reason: "stop" | "restart") {
    super();
    this.reason = reason;
  }
}
