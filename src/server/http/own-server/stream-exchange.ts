/**
 * A request of an HTTP/2 session, as the pipeline sees it. The app gets Node's stream, or Node's request and response around it,
 * as they are. So what other code knows of an exchange's request and response is read from the stream here, and what heddle itself
 * answers is written to it.
 *
 * Its connection belongs to it alone: what ends a connection of HTTP/1 ends one stream here.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type {
  Http2ServerRequest,
  Http2ServerResponse,
  IncomingHttpHeaders,
  OutgoingHttpHeaders,
  ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import { type ErrorCode, errorTable } from "../../../errors/errors.ts";
import { http } from "../../../platform/http.ts";
import { CLOSE, muteStream, replaceRespond } from "../../../platform/node-internals/http2-streams.ts";
import { outputOf } from "../../../platform/node-internals/handles.ts";
import { Exchange, isTimeout } from "../exchange.ts";
import { ConnectionContext } from "../parse/connection-context.ts";
import { mute } from "../../app/answer-instead.ts";
import { type CanBeCalledOff, isEventStreamType } from "../../app/called-off.ts";
import { cutShort } from "../../app/cut-short.ts";
import { RETRY_AFTER_SECONDS } from "../respond/respond.ts";
import type { Route } from "../route/router.ts";
import type { StreamBody } from "./stream-limits.ts";
import { StreamOutput } from "./stream-output.ts";

export interface StreamHead {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
}

export class StreamExchange extends Exchange {
  readonly stream: ServerHttp2Stream;
  /** Calls the app's listeners. What it throws or rejects with is the handler's failure. */
  readonly run: (exchange: StreamExchange) => void | Promise<void>;
  /** heddle's own response headers. */
  readonly ownHeaders: Record<string, string | number> = {};
  /** Of the app's `request` listeners, if one returned a promise. */
  handling: Promise<void> | undefined = undefined;
  declare body: StreamBody | undefined;
  readonly #output = new StreamOutput();
  #request: Http2ServerRequest | undefined;
  #response: Http2ServerResponse | undefined;

  constructor(
    head: StreamHead,
    route: Route,
    socket: Socket,
    nowMs: number,
    run: (exchange: StreamExchange) => void | Promise<void>,
  ) {
    // The pipeline reads only what these two have.
    const req = new StreamRequest(head) as unknown as IncomingMessage;
    const res = new StreamResponse(head.stream) as unknown as ServerResponse;
    super(req, res, route, new ConnectionContext(socket), nowMs);
    this.stream = head.stream;
    this.run = run;
  }

  /** The whole response was sent, and the client did not break it off. Asked when the stream has closed. */
  get isComplete(): boolean {
    return this.stream.headersSent && this.stream.writableFinished && !this.#isBroken;
  }

  get #isBroken(): boolean {
    return this.stream.rstCode !== CLOSE.noError && this.stream.rstCode !== undefined;
  }

  /** Node has made a request and a response of it. */
  carriedBy(request: Http2ServerRequest, response: Http2ServerResponse): void {
    this.#request = request;
    this.#response = response;
  }

  /** Adds `ownHeaders` to the response's head, however the app sends it. */
  decorates(atLastMoment: () => void): void {
    replaceRespond(this.stream, (respond) => (headers, options) => {
      atLastMoment();
      respond(withHeaders(headers, this.ownHeaders), options);
    });
  }

  protected override get answering(): CanBeCalledOff | undefined {
    return this.#response as CanBeCalledOff | undefined;
  }

  override get isEventStream(): boolean {
    return this.stream.headersSent && isEventStreamType(this.stream.sentHeaders?.["content-type"]);
  }

  override endEventStream(): boolean {
    if (this.stream.writableEnded || this.stream.destroyed || !this.isEventStream) return false;
    this.stream.on("error", () => {});
    this.stream.end();
    return true;
  }

  /** The session says by GOAWAY that it ends. */
  override leaveConnection(): void {}

  /** The client gets no more of the response. The other streams of its session go on. */
  override cutIfStalled(writeTimeoutMs: number, nowMs: number): void {
    const { stream, req, body, connection } = this;
    const isRequestComplete = body === undefined || req.complete;
    const { takenBytes } = outputOf(connection.socket);
    if (!this.#output.hasStalled(stream, isRequestComplete, takenBytes, writeTimeoutMs, nowMs)) return;
    stream.close(CLOSE.cancel);
  }

  /** A response that has begun is reset: it must not look complete. If all of it is out, the rest of the request is not wanted (RFC 9113 §8.1). */
  override refuse(code: ErrorCode, why?: string): void {
    const { stream } = this;
    if (stream.headersSent && stream.writableFinished) {
      this.#cutBody(code);
      // Resets it without an error. `close` would wait until the app has read what has come.
      stream.destroy();
      return;
    }
    this.refusal ??= code;
    if (stream.headersSent) {
      if (!stream.writableEnded) stream.close(CLOSE.internalError);
    } else if (!stream.destroyed && !stream.closed) {
      this.#answer(errorTable[code].status ?? 500);
    }
    this.#cutBody(code);
    if (why !== undefined) this.abort(isTimeout(code) ? "TimeoutError" : "AbortError", why);
  }

  /** What the app has not read by now, it does not get: reading fails, as when the client leaves. */
  #cutBody(code: ErrorCode): void {
    if (this.body === undefined || this.req.complete) return;
    this.body.cut();
    if (this.#request !== undefined) cutShort(this.#request as unknown as IncomingMessage, code);
  }

  #answer(status: number): void {
    const { stream } = this;
    const body = `${status} ${http.STATUS_CODES[status]}\n`;
    stream.on("error", () => {});
    const headers: OutgoingHttpHeaders = {
      ...this.ownHeaders,
      ":status": status,
      "content-type": "text/plain; charset=utf-8",
      "content-length": Buffer.byteLength(body),
      ...(status === 503 ? { "retry-after": `${RETRY_AFTER_SECONDS}` } : {}),
    };
    stream.respond(headers);
    // RFC 9113 §8.1: what the client still sends is not needed.
    stream.end(this.req.method === "HEAD" ? "" : body, () => stream.destroy());
    muteStream(stream);
    if (this.#response !== undefined) mute(this.#response as unknown as ServerResponse);
  }
}

function withHeaders(
  headers: OutgoingHttpHeaders | readonly string[] | undefined,
  own: Readonly<Record<string, string | number>>,
): OutgoingHttpHeaders | readonly string[] {
  if (!Array.isArray(headers)) return { ...own, ...(headers as OutgoingHttpHeaders | undefined) };
  return [...(headers as readonly string[]), ...Object.entries(own).flatMap(([name, value]) => [name, String(value)])];
}

class StreamRequest {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly #stream: ServerHttp2Stream;

  constructor({ stream, headers, rawHeaders }: StreamHead) {
    this.method = headers[":method"] ?? "";
    this.url = headers[":path"] ?? "";
    this.rawHeaders = rawHeaders;
    this.#stream = stream;
  }

  get complete(): boolean {
    return this.#stream.readableEnded;
  }
}

class StreamResponse {
  readonly #stream: ServerHttp2Stream;

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
  }

  get headersSent(): boolean {
    return this.#stream.headersSent;
  }

  get statusCode(): number {
    return Number(this.#stream.sentHeaders?.[":status"] ?? 200);
  }

  get writableEnded(): boolean {
    return this.#stream.writableEnded;
  }

  get destroyed(): boolean {
    return this.#stream.destroyed;
  }
}
