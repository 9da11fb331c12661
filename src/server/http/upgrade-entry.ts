/**
 * How a request that leaves HTTP enters: it is checked and routed as all others, and goes to the actors of its route's WebSockets, to
 * its model, or to another instance.
 */

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ServerConfig } from "../../config/config.ts";
import type { RunningModel } from "../models/model.ts";
import type { ConnectionHandlers, LeavingHttp } from "./parse/connection.ts";
import { inspectHead } from "./parse/limits.ts";
import type { FailedRequest } from "./exchange.ts";
import { refuseSocket } from "./respond/respond.ts";
import type { Route, Router } from "./route/router.ts";
import type { SocketEntry } from "./socket-entry.ts";
import type { Sticky } from "./sticky/sticky.ts";

export interface UpgradeEntryOptions {
  readonly config: ServerConfig;
  readonly router: Router;
  readonly sticky: Sticky | undefined;
  readonly modelOf: (route: Route) => RunningModel;
  /** undefined: no route has WebSockets that are actors. */
  readonly sockets: SocketEntry | undefined;
  readonly isDraining: () => boolean;
  readonly failed: (request: FailedRequest, error: unknown) => void;
}

export class UpgradeEntry {
  readonly #options: UpgradeEntryOptions;

  constructor(options: UpgradeEntryOptions) {
    this.#options = options;
  }

  /** A protocol switch leaves HTTP, and with it the gate. The form of the handshake is checked all the same. */
  readonly upgrade = (req: IncomingMessage, socket: Duplex, head: Buffer, leaving: LeavingHttp): void => {
    const { config, router, sticky, modelOf, sockets, isDraining } = this.#options;
    const form = inspectHead(req, config);
    if (isDraining()) refuseSocket(socket, "OVERLOADED");
    else if (form === "no-body") {
      const route = router.match(req.method!, req.url!);
      sticky?.markUpgrade(req, socket, route);
      if (sockets?.takes(req, route) === true) sockets.accept(req, socket, head, { route, leaving });
      else {
        leaving.track();
        this.#run(modelOf(route), { req, route }, socket as Socket, head);
      }
    }
    // One side could read a body here as a request, the other as frames.
    else refuseSocket(socket, form === "body" ? "BAD_REQUEST" : form);
  };

  /** What the app has begun to say is cut off. */
  #run(model: RunningModel, request: FailedRequest, socket: Socket, head: Buffer): void {
    const { bytesWritten } = socket;
    const failed = (error: unknown): void => {
      this.#options.failed(request, error);
      if (socket.bytesWritten === bytesWritten) refuseSocket(socket, "HANDLER_FAILED");
      else socket.destroy();
    };
    try {
      void model.upgrade(request.req, socket, head)?.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  }

  /** Before that, if another instance is to serve it. One that is refused here is refused at once. */
  readonly forwards: ConnectionHandlers["forwardsUpgrade"] = (req, socket, head, connection, here) => {
    const { config, router, sticky } = this.#options;
    if (sticky === undefined || inspectHead(req, config) !== "no-body") return false;
    const route = router.match(req.method!, req.url!);
    return sticky.forwardUpgrade(req, { socket, head, route }, connection, here);
  };
}
