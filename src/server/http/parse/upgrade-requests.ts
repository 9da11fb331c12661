/**
 * Requests that take their connection out of HTTP: upgrades and tunnels. node:http lets go of the socket when it has parsed
 * one, and that may be too early or for nothing:
 *
 *   answers are due to requests before it → it waits for them (`afterAnswers`); what the client sends meanwhile stays in the socket
 *   nobody takes the upgrade up           → its bytes are put back, without the offer, and read as any request (`putBack`)
 *
 * Rejected: to decline an offer when node:http asks about it (`shouldUpgradeCallback`). It then drops the rest of the packet,
 * so what the next packet begins with, which may be the middle of a body, is read as a request.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { parseOn, responseOn } from "../../../platform/node-internals/connections.ts";
import { replaceHeaders } from "../../../platform/node-internals/requests.ts";
import type { ConnectionContext } from "./connection-context.ts";

/** Calls `next` when no answer is due on the connection any more, if it is open then and stays so. */
export function afterAnswers(connection: ConnectionContext, next: () => void): void {
  if (connection.active === 0) {
    if (!connection.closing) next();
    return;
  }
  const { stream } = connection;
  // With such a listener a stream keeps what comes; without any listener a `resume` by an earlier request would lose it.
  stream.on("readable", nothing);
  stream.on("drain", passOnDrain);
  connection.afterAnswers = AsyncLocalStorage.bind(() => {
    stream.off("readable", nothing);
    stream.off("drain", passOnDrain);
    // Only then the stream has taken note.
    process.nextTick(() => {
      if (stream.destroyed) return;
      if (connection.closing) stream.resume();
      else next();
    });
  });
}

/** node:http listens no more, and the response that waits for room would do so for ever. */
function passOnDrain(this: Socket): void {
  const answering = responseOn(this);
  if (answering?.writableNeedDrain === true && answering.writableLength === 0) answering.emit("drain");
}

/** Has the request read once more, as one that offers nothing, in its turn. `head`: what came behind it. */
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

/** The app sees what the client has sent. */
export function restoreOffer(req: IncomingMessage, connection: ConnectionContext): void {
  replaceHeaders(req, connection.declined!);
  connection.declined = undefined;
}

/** Whoever gets a socket without node:http's own listener, and has none, would lose the thread to a reset. */
export function survivesReset(socket: Duplex): void {
  socket.on("error", nothing);
}

function nothing(): void {}
