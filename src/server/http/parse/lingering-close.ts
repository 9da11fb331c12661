/**
 * How a connection ends behind its last answer. Closed while bytes of the client are unread or on their way, the kernel resets it, and
 * the reset often reaches the client before the answer does (RFC 9112 §9.6). So where the client may be sending, only our side
 * is closed at first, and what still comes is taken for a while: until the client closes its side as well, which most do at once.
 * Only a client that cannot be sending is closed at once: one that has closed its side, and one that has asked for the end and sent
 * nothing behind that request (RFC 9112 §9.6 forbids it to). Any other may be about to send its next request: it has not read
 * that this answer is the last.
 *
 * What shows that a client is sending: a request's body is not complete, something came behind the last request, or the kernel
 * has bytes that nobody has read: a handler that blocks keeps its thread from reading them. Without node:ffi the kernel
 * can't be asked, and every client may be sending.
 */

import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { hasNative, hasUnread } from "../../../platform/native.ts";
import { isWithinRequest, replaceEndings, responseOn } from "../../../platform/node-internals/connections.ts";
import { descriptorOf } from "../../../platform/node-internals/handles.ts";
import { detachStream, isChunked } from "../../../platform/node-internals/responses.ts";
import { type CarriesConnection, type ConnectionContext, connectionOf } from "./connection-context.ts";

/** How long what still comes is taken; nginx's lingering_timeout is of the same order. */
const LINGER_MS = 2000;

/**
 * node:http calls `destroySoon` behind a last answer, and `destroy` when the app breaks off a response; from now on both end
 * the connection in the way that it needs.
 */
export function lingerWhereNeeded(stream: Socket): void {
  replaceEndings(stream, { destroySoon: endBehindAnswer, destroy: destroyBehindAnswers });
}

/**
 * A response that is broken off has its connection destroyed. Answers before it may still be on their way to a client that
 * pipelines, and a reset would take them along: our side is closed first then. The client sees from its length or from its
 * chunks that the response is cut; without either only a reset tells it.
 */
function destroyBehindAnswers(this: Socket, error?: Error): Socket {
  const connection = (this as CarriesConnection)[connectionOf];
  const res = responseOn(this);
  const isBrokenOff = res?.destroyed === true && !res.writableEnded && !this.destroyed && this.writable;
  const showsItsEnd =
    (res !== undefined && isChunked(res)) || res?.hasHeader("content-length") === true || !res?.headersSent;
  if (
    !isBrokenOff ||
    connection === undefined ||
    connection.requests < 2 ||
    !showsItsEnd ||
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

function endBehindAnswer(this: Socket): void {
  const connection = (this as CarriesConnection)[connectionOf]!;
  // node:http takes an answer for the last one when the client has closed its side. This one has not said so.
  if (connection.refusesInTurn && !connection.closing) return;
  // Nothing that still comes could be answered.
  connection.closing = true;
  // Where each connection has one request, to wait for the client's end would cost each request.
  if (isExpectingMore(connection) || (connection.onLastAnswer === undefined && !isClosedByClient(connection))) {
    endLingering(this);
    return;
  }
  this.end();
  if (this.writableFinished) close.call(this);
  else this.once("finish", close);
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

/** Whether it shows that the client of a connection that has had its last answer is sending. */
export function maySend(connection: ConnectionContext): boolean {
  if (connection.stream.readableEnded) return false;
  if (isExpectingMore(connection) || isWithinRequest(connection.stream)) return true;
  const fd = descriptorOf(connection.socket);
  // Where the kernel can't be asked it may have some.
  return fd >= 0 && (!hasNative() || hasUnread(fd));
}

function isExpectingMore({ hasMore, latestBody, stream }: ConnectionContext): boolean {
  return hasMore || stream.readableLength > 0 || (latestBody !== undefined && isUnfinished(latestBody));
}

/** Closes our side only, and takes what the client still sends for a while. */
export function endLingering(socket: Duplex): void {
  socket.end();
  // Nobody reads an unfinished body any more, and what is not read is not taken.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once("close", () => clearTimeout(timer));
}

/** Whether some of the request's body is still to come. Without one, `complete` is false only until the parser's next step. */
export function isUnfinished({ complete, headers }: IncomingMessage): boolean {
  if (complete) return false;
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}
