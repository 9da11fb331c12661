/**
 * Detaches the connection from a handler that heddle has answered for. The handler's writes to its response go nowhere
 * already (respond.ts). But what it does to the socket itself, now or later, would hit the next request on the connection.
 * Express does that on its own: when a handler rejects after the answer, it destroys `req.socket`.
 *
 * All other methods stay the socket's own, because node:http still uses it through `req`: it resumes reading when the rest
 * of a body was read.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { replaceSocket } from "../../../platform/node-internals/responses.ts";

const ENDINGS: ReadonlySet<PropertyKey> = new Set(["destroy", "destroySoon", "end", "resetAndDestroy", "write"]);

/** The response must have ended: its last bytes are in the socket. */
export function putOutOfReach(req: IncomingMessage, res: ServerResponse, socket: Socket): void {
  replaceSocket(req, res, harmless(socket));
}

function harmless(socket: Socket): Socket {
  return new Proxy(socket, {
    get(target, name) {
      if (ENDINGS.has(name)) return () => target;
      const value = Reflect.get(target, name) as unknown;
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
