/**
 * Writes a Response to Node's `res`. Our own responses are written without a stream. Every other one is read as a stream, one
 * chunk at a time, waiting for `drain` between chunks.
 *
 * Rules:
 * - No body for HEAD: a stream is cancelled unread.
 * - A client that leaves cancels the stream, which is not a failure.
 * - A stream that fails rejects. If its headers are sent already, the connection is destroyed: a short body must not look
 *   complete.
 * - A response that a drain cancels (called-off.ts) has its stream cancelled. An event stream then counts as complete.
 * - Headers that describe a proxied answer's connection are left out.
 * - The head waits one turn of the loop for the first chunk: an early failure can still become a 500, and a fast stream leaves
 *   in one packet.
 */

import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import { abortReason } from "../abort-reasons.ts";
import { type CanBeCalledOff, isEventStream, whenCalledOff } from "../called-off.ts";
import { flatten, takeParts, type ResponseParts } from "./fast-response.ts";

/** undefined: everything is in the socket already. A promise: a stream is being read. */
export function writeResponse(res: ServerResponse, response: Response): void | Promise<void> {
  const parts = takeParts(response) ?? foreignParts(response);
  const { body } = parts;
  if (parts.status < 200) {
    const error = new TypeError(
      `The app returned a Response of status ${parts.status}: an interim status cannot be the answer`,
    );
    discard(body, error);
    throw error;
  }
  // Answered meanwhile (a timeout's 504), or the client has left.
  if (res.headersSent || isGone(res)) return discard(body, unwanted("The request was already over."));
  if (body instanceof ReadableStream) return writeStream(res, parts, body);
  writeHead(res, parts);
  if (body === null || res.req.method === "HEAD") res.end();
  else res.end(body);
}

/** A response of HTTP/2 does not say so itself. Whoever waits for its `close` by now waits for ever. */
function isGone(res: ServerResponse): boolean {
  if (res.req.httpVersionMajor !== 2) return res.destroyed;
  const { stream } = res as unknown as Http2ServerResponse;
  return stream.destroyed || stream.closed;
}

/** The reason is what the other end of a TransformStream fails with. */
function discard(body: ResponseParts["body"], reason: Error): void {
  if (body instanceof ReadableStream) body.cancel(reason).catch(() => {});
}

function unwanted(message: string): DOMException {
  return abortReason(message, "AbortError");
}

function foreignParts(response: Response): ResponseParts {
  if (response.type === "error") throw new TypeError("The app returned Response.error(), which cannot be sent");
  if (response.bodyUsed) throw new TypeError("Body is unusable: Body has already been read");
  const { status, statusText, body } = response;
  return { status, statusText, headers: flatten(response.headers), body };
}

function writeHead(res: ServerResponse, { status, statusText, headers }: ResponseParts): void {
  leaveOut(headers, status);
  // It has no status text.
  if (res.req.httpVersionMajor === 2) res.writeHead(status, forHttp2(headers));
  else if (statusText === "") res.writeHead(status, headers);
  else res.writeHead(status, statusText, headers);
}

/** Of a connection, which HTTP/2 has no headers for (RFC 9113 §8.2.2): Node throws. A proxied answer has them. */
const OF_CONNECTIONS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

function forHttp2(flat: readonly string[]): string[] {
  return flat.filter((_, at) => !OF_CONNECTIONS.has(flat[at - (at % 2)]!));
}

/**
 * Removes headers that no Response can mean, but a proxied one often has. A Response can't have trailers (node:http throws if
 * they are announced but impossible), and only 426 offers an upgrade. framing-headers.ts handles the other hop-by-hop headers.
 */
function leaveOut(headers: string[], status: number): void {
  for (let at = headers.length - 2; at >= 0; at -= 2) {
    const name = headers[at]!;
    if (name.length !== 7) continue;
    if (name === "trailer" || (name === "upgrade" && status !== 426)) headers.splice(at, 2);
  }
}

async function writeStream(res: ServerResponse, parts: ResponseParts, body: ReadableStream<Uint8Array>): Promise<void> {
  if (res.req.method === "HEAD") {
    discard(body, unwanted("A response to HEAD has no body."));
    writeHead(res, parts);
    res.end();
    return;
  }
  const reader = body.getReader();
  let hasLeft = false;
  let isCalledOff = false;
  let cancelled: DOMException | undefined;
  let wake: (() => void) | undefined;
  const onDrain = (): void => wake?.();
  const onClose = (): void => {
    hasLeft = true;
    // A pending read ends with `done`, so the loop below always wakes.
    reader.cancel(unwanted("The client went away.")).catch(() => {});
    wake?.();
  };
  res.on("close", onClose).on("drain", onDrain);
  (res as CanBeCalledOff)[whenCalledOff] = (reason) => {
    isCalledOff = true;
    // The signal tells the app, which may still write something before the end.
    setImmediate(() => {
      cancelled = reason;
      reader.cancel(reason).catch(() => {});
      wake?.();
    });
  };
  let headFault: { readonly error: unknown } | undefined;
  const flush = setImmediate(() => {
    try {
      writeHead(res, parts);
      res.flushHeaders();
    } catch (error) {
      // Ends the read below.
      headFault = { error };
      reader.cancel(error).catch(() => {});
    }
  });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (hasLeft) return;
      if (headFault !== undefined) throw headFault.error;
      clearImmediate(flush);
      if (!res.headersSent) writeHead(res, parts);
      if (done) break;
      if (!res.write(value)) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
    if (cancelled !== undefined && !isEventStream(res)) throw cancelled;
    res.end();
  } catch (error) {
    clearImmediate(flush);
    if (hasLeft) return;
    reader.cancel(error).catch(() => {});
    // If a drain cancelled it, the caller ends it.
    if (res.headersSent && !isCalledOff) res.destroy(error instanceof Error ? error : undefined);
    throw error;
  } finally {
    clearImmediate(flush);
    res.off("close", onClose).off("drain", onDrain);
    (res as CanBeCalledOff)[whenCalledOff] = undefined;
  }
}
