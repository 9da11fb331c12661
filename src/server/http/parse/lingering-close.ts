/**
 * How a connection ends after its last answer. If it is closed while bytes of the client are unread or on their way, the kernel
 * resets it, and the reset often reaches the client before the answer does (RFC 9112 §9.6). So where the client may be sending,
 * we first close only our side, and read what still comes for a while, until the client closes its side too. Most do at once.
 * We close at once only if the client can't be sending: it has closed its side, or it has asked for the end and sent nothing
 * after that request (RFC 9112 §9.6 forbids it to). Any other client may be about to send its next request: it has not read
 * yet that this answer is the last.
 *
 * A client is sending if a request's body is not complete, if bytes came after the last request, or if the kernel has unread
 * bytes (a handler that blocks keeps its thread from reading them). Without node:ffi the kernel can't be asked, so every
 * client may be sending.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { hasNative, hasUnread } from "../../../platform/native.ts";
import { isWithinRequest, readOn, replaceEndings, responseOn } from "../../../platform/node-internals/connections.ts";
import { descriptorOf } from "../../../platform/node-internals/handles.ts";
import { declaresEnd, detachStream } from "../../../platform/node-internals/responses.ts";
import { type CarriesConnection, type ConnectionContext, connectionOf } from "./connection-context.ts";

/** How long we read what still comes. nginx's lingering_timeout is of the same order. */
export const LINGER_MS = 2000;

/**
 * node:http calls `destroySoon` after a last answer, and `destroy` when the app breaks off a response. From now on both check
 * how the connection must end.
 */
export function lingerWhereNeeded(stream: Socket): void {
  replaceEndings(stream, { destroySoon: endBehindAnswer, destroy: destroyBehindAnswers });
}

/**
 * node:http destroys the connection of a response that is broken off. To a client that pipelines, earlier answers may still be
 * on their way, and a reset would destroy them. Then we first close only our side. The client sees from the length or the
 * chunks that the response is cut. If it has neither, only a reset shows it.
 */
function destroyBehindAnswers(this: Socket, error?: Error): Socket {
  const connection = (this as CarriesConnection)[connectionOf];
  const res = responseOn(this);
  const isBrokenOff = res?.destroyed === true && !res.writableEnded && !this.destroyed && this.writable;
  if (
    !isBrokenOff ||
    connection === undefined ||
    connection.requests < 2 ||
    !showsItsEnd(res) ||
    !mayStillSend(connection)
  ) {
    return Socket.prototype.destroy.call(this, error);
  }
  connection.closing = true;
  connection.waiting = undefined;
  detachStream(res, this);
  endLingering(this);
  res.emit("close");
  return this;
}

/** Of a response that is cut: whether the client can tell. */
export function showsItsEnd(res: ServerResponse | undefined): boolean {
  return res === undefined || !res.headersSent || declaresEnd(res);
}

function endBehindAnswer(this: Socket): void {
  const connection = (this as CarriesConnection)[connectionOf]!;
  // node:http takes an answer for the last one when the client has closed its side. This answer did not announce an end.
  if (connection.refusesInTurn && !connection.closing) return;
  // Nothing that still comes could be answered.
  connection.closing = true;
  // With one request per connection, waiting for the client's end would add its cost to each request.
  if (isExpectingMore(connection) || (connection.onLastAnswer === undefined && !isClosedByClient(connection))) {
    endLingering(this);
    return;
  }
  this.end();
  if (this.writableFinished) close.call(this);
  else this.on("finish", close);
}

function close(this: Socket): void {
  if (maySend((this as CarriesConnection)[connectionOf]!)) endLingering(this);
  else this.destroy();
}

function mayStillSend(connection: ConnectionContext): boolean {
  return maySend(connection) || !isClosedByClient(connection);
}

/** The client has closed its side, or has said that it sends nothing behind its latest request. */
function isClosedByClient({ stream, current }: ConnectionContext): boolean {
  return stream.readableEnded || (current !== undefined && asksForClose(current.req));
}

/** RFC 9112 §9.3 */
function asksForClose({ httpVersionMinor, headers: { connection = "" } }: IncomingMessage): boolean {
  const options = connection.toLowerCase();
  return /(?:^|[\s,])close(?:$|[\s,])/.test(options) || (httpVersionMinor === 0 && !options.includes("keep-alive"));
}

/** After the last answer on a connection: whether its client is known to be sending. */
export function maySend(connection: ConnectionContext): boolean {
  if (connection.stream.readableEnded) return false;
  if (isExpectingMore(connection) || isWithinRequest(connection.stream)) return true;
  const fd = descriptorOf(connection.socket);
  // If the kernel can't be asked, it may have some.
  return fd >= 0 && (!hasNative() || hasUnread(fd));
}

function isExpectingMore({ hasMore, latestBody, stream }: ConnectionContext): boolean {
  return hasMore || stream.readableLength > 0 || (latestBody !== undefined && isUnfinished(latestBody));
}

/** Closes our side only, and reads what the client still sends for a while. */
export function endLingering(socket: Duplex): void {
  socket.end();
  // Nobody else reads an unfinished body any more, and unread bytes stay in the kernel.
  readOn(socket);
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once("close", () => clearTimeout(timer));
}

/** Whether a part of the body is still to come. Without a body, `complete` is false only until the parser's next step. */
export function isUnfinished({ complete, headers }: IncomingMessage): boolean {
  if (complete) return false;
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}
