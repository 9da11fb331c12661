/**
 * Takes the connection out of the reach of a handler that was answered for. What it writes to its response goes nowhere
 * already (respond.ts); but what it does to the socket itself, now or in a minute, would hit the next request on the connection.
 * Express does it without being asked: a handler that rejects after the answer makes it destroy `req.socket`.
 *
 * Everything else is the socket's own, for node:http still works with it through `req`: it goes on reading when the rest of a body
 * was taken.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { replaceSocket } from "../../../platform/node-internals/responses.ts";

const ENDINGS: ReadonlySet<PropertyKey> = new Set(["destroy", "destroySoon", "end", "resetAndDestroy", "write"]);

/** The response must have been ended: its last bytes are the socket's by now. */
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
