/**
 * Informational messages (1xx) of a response whose turn on its connection has not come. node:http may write the response's head
 * before them, and the client then takes them for its body. We keep them until the response has the socket.
 */

import type { ServerResponse } from "node:http";
import { divertInterim, type Interim, onceAssigned } from "../../../platform/node-internals/responses.ts";

/** For a response that waits for those before it. */
export function informInTurn(res: ServerResponse): void {
  const kept: Interim[] = [];
  const stop = divertInterim(res, (...interim) => void kept.push(interim));
  onceAssigned(res, (socket) => {
    stop();
    // The final answer makes them pointless.
    if (res.writableEnded || res.destroyed) return;
    for (const [data, encoding, callback] of kept) socket.write(data, encoding ?? undefined, callback);
  });
}
