/**
 * A request and its response on a handler thread: node:http's own classes, fed from the job instead of a parser, so that
 * everything an app or a framework may do with them works.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { monotonicMs } from "../../../../kit/clock.ts";
import { type FramingFault, installFraming } from "../../../app/response-framing.ts";
import { http } from "../../../../platform/http.ts";
import type { FromHandler, Job } from "../shared/offload-protocol.ts";
import { ResponseSocket } from "./response-socket.ts";

/** Where a request carries the job it belongs to. */
const ownerOf: unique symbol = Symbol("heddle.job");

export interface RequestOwner {
  readonly signal: AbortSignal;
  misframed(fault: FramingFault): void;
}

/** node:http's own ways of filling a request. */
type Fillable = IncomingMessage & {
  [ownerOf]?: RequestOwner;
  _consuming: boolean;
  _readableState: { readingMore: boolean; resumeScheduled: boolean };
  _addHeaderLines(lines: string[], length: number): void;
};

export interface Opened {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly socket: ResponseSocket;
}

export function openRequest(
  job: Job,
  keepAliveMs: number,
  owner: RequestOwner,
  tell: (message: FromHandler) => void,
): Opened {
  const socket = new ResponseSocket(job.seq, job.endpoints, tell);
  const req = new http.IncomingMessage(socket as unknown as Socket) as Fillable;
  req[ownerOf] = owner;
  req.method = job.method;
  req.url = job.url;
  req.httpVersionMajor = 1;
  req.httpVersionMinor = job.httpVersionMinor;
  req.httpVersion = job.httpVersionMinor === 1 ? "1.1" : "1.0";
  // oxlint-disable no-underscore-dangle -- node:http's names
  req._addHeaderLines(job.rawHeaders, job.rawHeaders.length);
  if (job.hasBody) {
    let asked = false;
    req._read = () => {
      if (!req._consuming) {
        req._consuming = true;
        // node:http holds reading ahead back until the first read; from then on it is a stream like any other.
        req._readableState.readingMore = false;
      }
      if (asked || req.complete) return;
      asked = true;
      tell({ type: "pull", seq: job.seq });
    };
    const push = req.push.bind(req);
    req.push = (chunk: unknown, encoding?: BufferEncoding) => {
      asked = false;
      return push(chunk, encoding);
    };
  } else {
    req._read = () => {};
    req.complete = true;
    req.push(null);
  }
  const res = new http.ServerResponse(req);
  Object.assign(res, { _keepAliveTimeout: keepAliveMs });
  // oxlint-enable no-underscore-dangle
  res.shouldKeepAlive = job.keepsAlive;
  for (const [name, value] of job.headers) res.setHeader(name, value);
  if (job.timedFromMs !== undefined) addTiming(res, job.timedFromMs);
  res.assignSocket(socket as unknown as Socket);
  socket.carry(req, res);
  return { req, res, socket };
}

/**
 * A request that nobody sent and nobody hears the answer of: what it has Node load and compile, the first real one on this
 * thread finds ready. No app code runs.
 */
export function rehearse(keepAliveMs: number): void {
  const endpoint = { remoteAddress: "", remotePort: 0, remoteFamily: "", localAddress: "", localPort: 0 };
  const job: Job = {
    seq: 0,
    method: "GET",
    url: "/",
    httpVersionMinor: 1,
    rawHeaders: ["host", "localhost"],
    hasBody: false,
    ahead: false,
    expects: undefined,
    keepsAlive: true,
    headers: [],
    timedFromMs: undefined,
    endpoints: { ...endpoint, encrypted: false },
  };
  const owner = { signal: new AbortController().signal, misframed() {} };
  const { req, res, socket } = openRequest(job, keepAliveMs, owner, (message) => structuredClone(message));
  req.resume();
  res.once("finish", () => {
    socket.complete();
    res.detachSocket(socket as unknown as Socket);
  });
  res.writeHead(200, { "content-type": "text/plain", "content-length": 1 });
  res.end("x");
}

function addTiming(res: ServerResponse, fromMs: number): void {
  const startedMs = monotonicMs();
  const writeHead = res.writeHead.bind(res) as (...args: unknown[]) => typeof res;
  res.writeHead = (...args: unknown[]) => {
    const handlerMs = monotonicMs() - startedMs;
    res.appendHeader(
      "server-timing",
      `queue;dur=${(startedMs - fromMs).toFixed(1)}, handler;dur=${handlerMs.toFixed(1)}`,
    );
    return writeHead(...args);
  };
}

/** Whether the app has begun to read the body. */
export function isRead(req: IncomingMessage): boolean {
  // oxlint-disable no-underscore-dangle -- node:http's names, and its rule
  const { _consuming, _readableState } = req as Fillable;
  // oxlint-enable no-underscore-dangle
  return _consuming || _readableState.resumeScheduled;
}

/** The end of the body, with what came after it. */
export function endBody(req: IncomingMessage, rawTrailers: readonly string[]): void {
  req.complete = true;
  // oxlint-disable-next-line no-underscore-dangle -- node:http's name; after `complete` these are trailers
  if (rawTrailers.length > 0) (req as Fillable)._addHeaderLines([...rawTrailers], rawTrailers.length);
  req.push(null);
}

/** `req.signal` is the job's on a handler thread; on the prototype, because Express swaps a request's. */
export function installJobSignal(): void {
  const native = Object.getOwnPropertyDescriptor(http.IncomingMessage.prototype, "signal");
  Object.defineProperty(http.IncomingMessage.prototype, "signal", {
    configurable: true,
    enumerable: native?.enumerable ?? false,
    get(this: Fillable): AbortSignal | undefined {
      return this[ownerOf]?.signal ?? (native?.get?.call(this) as AbortSignal | undefined);
    },
  });
}

/** Responses of jobs are framed here: what goes to the serving thread is what the client gets. */
export function installJobFraming(): void {
  installFraming<RequestOwner>({
    ownerOf: (res) => (res.req as Fillable | undefined)?.[ownerOf],
    misframed: (owner, fault) => owner.misframed(fault),
  });
}
