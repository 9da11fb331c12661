/**
 * Requests that take their connection out of HTTP: upgrades and tunnels. node:http detaches the socket as soon as it has
 * parsed one. That may be too early, or without need:
 *
 *   earlier requests await answers → it waits for them (`afterAnswers`); what the client sends meanwhile stays in the socket
 *   nobody takes the upgrade       → its bytes are put back without the offer, and parsed as an ordinary request (`putBack`)
 *
 * Rejected: declining an offer when node:http asks about it (`shouldUpgradeCallback`). node:http then drops the rest of the
 * packet. The next packet, which may begin in the middle of a body, would be parsed as a request.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { parseOn, responseOn } from "../../../platform/node-internals/connections.ts";
import { replaceHeaders } from "../../../platform/node-internals/requests.ts";
import type { ConnectionContext } from "./connection-context.ts";

/** Calls `next` when no answer is due on the connection any more, if it stays open after them. */
export function afterAnswers(connection: ConnectionContext, next: () => void): void {
  if (connection.active === 0) {
    if (!connection.closing) next();
    return;
  }
  const { stream } = connection;
  // With such a listener a stream keeps its bytes. Without any listener, a `resume` by an earlier request would lose them.
  stream.on("readable", nothing);
  stream.on("drain", passOnDrain);
  connection.afterAnswers = AsyncLocalStorage.bind(() => {
    stream.off("readable", nothing);
    stream.off("drain", passOnDrain);
    // Only by then the stream has noticed.
    process.nextTick(() => {
      if (stream.destroyed) return;
      if (connection.closing) stream.resume();
      else next();
    });
  });
}

/** node:http no longer listens for `drain`, so a response that waits for it would wait for ever. */
function passOnDrain(this: Socket): void {
  const answering = responseOn(this);
  if (answering?.writableNeedDrain === true && answering.writableLength === 0) answering.emit("drain");
}

/** Has the request parsed again in its turn, without the offer. `head`: the bytes after it. */
export function putBack(server: Server, connection: ConnectionContext, req: IncomingMessage, head: Buffer): void {
  const { stream } = connection;
  if (head.length > 0) stream.unshift(head);
  stream.unshift(Buffer.from(withoutOffer(req), "latin1"));
  connection.declined = req;
  afterAnswers(connection, () => {
    stream.off("error", nothing);
    parseOn(server, stream);
    stream.resume();
  });
}

function withoutOffer({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.toLowerCase() !== "upgrade") text += `${name}: ${rawHeaders[i + 1]}\r\n`;
  }
  return `${text}\r\n`;
}

/** The app sees the headers as the client sent them. */
export function restoreOffer(req: IncomingMessage, connection: ConnectionContext): void {
  replaceHeaders(req, connection.declined!);
  connection.declined = undefined;
}

/** A detached socket has no `error` listener of node:http's. Without any, a reset would end the thread. */
export function survivesReset(socket: Duplex): void {
  socket.on("error", nothing);
}

/** Whoever has the socket now hears of it. */
export function diesOfReset(socket: Duplex): void {
  socket.off("error", nothing);
}

function nothing(): void {}
