/**
 * A request and its response on a handler thread. They are node:http's own classes, fed from the job instead of a parser, so
 * everything that an app or a framework does with them works.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Server } from "node:net";
import { monotonicMs } from "../../../../kit/clock.ts";
import { type FramingFault, installFraming } from "../../../app/response-framing.ts";
import {
  addHeaderLines,
  createRequest,
  replacePush,
  replaceRead,
  replaceSignal,
  stopReading,
} from "../../../../platform/node-internals/requests.ts";
import {
  assignStream,
  beforeHead,
  createResponse,
  detachStream,
  hintKeepAlive,
  isContinued,
  setKeepsConnection,
} from "../../../../platform/node-internals/responses.ts";
import { type MessageOptions, messageOptionsOf } from "../../../../platform/node-internals/app-servers.ts";
import { installRequests, type ScopedRequest } from "../../../app/request-scope.ts";
import type { FromHandler, Job } from "../shared/offload-protocol.ts";
import { ResponseSocket } from "./response-socket.ts";

/** The key under which a request holds its job. */
const ownerOf: unique symbol = Symbol("heddle.job");

export interface RequestOwner extends ScopedRequest {
  misframed(fault: FramingFault): void;
}

type Owned = IncomingMessage & { [ownerOf]?: RequestOwner };

export interface Opened {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly socket: ResponseSocket;
}

/** What the app's own server says of its requests and responses. */
let options: MessageOptions = {};
let serverOf: () => Server | undefined = () => undefined;

/** Once in each thread, when the app has loaded. `server`: the app's own, as far as it has one by now. */
export function shapeMessages(server: () => Server | undefined): void {
  options = messageOptionsOf(server());
  serverOf = server;
}

export function openRequest(
  job: Job,
  keepAliveMs: number,
  owner: RequestOwner,
  tell: (message: FromHandler) => void,
): Opened {
  const socket = new ResponseSocket(job.seq, job.endpoints, tell);
  socket.server = serverOf();
  const req: Owned = createRequest(socket, options);
  req[ownerOf] = owner;
  req.method = job.method;
  req.url = job.url;
  req.httpVersionMajor = 1;
  req.httpVersionMinor = job.httpVersionMinor;
  req.httpVersion = job.httpVersionMinor === 1 ? "1.1" : "1.0";
  addHeaderLines(req, job.rawHeaders);
  if (job.hasBody) {
    let asked = false;
    replaceRead(req, () => {
      if (asked || req.complete) return;
      asked = true;
      tell({ type: "pull", seq: job.seq });
    });
    const push = req.push.bind(req);
    replacePush(req, (chunk, encoding) => {
      asked = false;
      return push(chunk, encoding);
    });
  } else {
    stopReading(req);
    req.complete = true;
    req.push(null);
  }
  const res = createResponse(req, options);
  hintKeepAlive(res, keepAliveMs);
  setKeepsConnection(res, job.keepsAlive);
  for (const [name, value] of job.headers) res.setHeader(name, value);
  if (job.timedFromMs !== undefined) addTiming(res, job.timedFromMs);
  if (job.expects === "checkContinue") closeUnlessContinued(res);
  assignStream(res, socket);
  socket.carry(req, res);
  return { req, res, socket };
}

/**
 * Runs a dummy request whose answer is discarded. Node loads and compiles the code for it, so the first real request on this
 * thread is faster. No app code runs.
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
    endpoints: { ...endpoint, tls: undefined },
    route: "*",
    timeoutMs: 0,
  };
  const owner: RequestOwner = {
    signal: new AbortController().signal,
    deadline: undefined,
    routeName: "GET *",
    scope: undefined,
    reclassify: async () => {},
    misframed() {},
  };
  const { req, res, socket } = openRequest(job, keepAliveMs, owner, (message) => structuredClone(message));
  req.resume();
  res.once("finish", () => {
    socket.complete();
    detachStream(res, socket);
  });
  res.writeHead(200, { "content-type": "text/plain", "content-length": 1 });
  res.end("x");
}

/**
 * As node:http does for its own responses: nobody can tell whether a client that was not told to send its body sends it after the
 * answer, so what comes next must not be read.
 */
function closeUnlessContinued(res: ServerResponse): void {
  beforeHead(res, () => {
    if (!isContinued(res)) setKeepsConnection(res, false);
  });
}

function addTiming(res: ServerResponse, fromMs: number): void {
  const startedMs = monotonicMs();
  beforeHead(res, () => {
    const handlerMs = monotonicMs() - startedMs;
    res.appendHeader(
      "server-timing",
      `queue;dur=${(startedMs - fromMs).toFixed(1)}, handler;dur=${handlerMs.toFixed(1)}`,
    );
  });
}

/** Ends the body, with its trailers. */
export function endBody(req: IncomingMessage, rawTrailers: readonly string[]): void {
  req.complete = true;
  if (rawTrailers.length > 0) addHeaderLines(req, [...rawTrailers]);
  req.push(null);
}

/** `req.signal` is the job's on a handler thread. */
export function installJobSignal(): void {
  replaceSignal((req: Owned) => req[ownerOf]?.signal);
}

/** How the app's requests are found on a handler thread. `current`: the one whose code runs. */
export function installJobScopes(current: () => ScopedRequest | undefined): void {
  installRequests({ of: (req: Owned) => req[ownerOf], current });
}

/** Responses of jobs are framed here: the serving thread sends the bytes to the client as they are. */
export function installJobFraming(): void {
  installFraming<RequestOwner>({
    ownerOf: (res) => (res.req as Owned | undefined)?.[ownerOf],
    misframed: (owner, fault) => owner.misframed(fault),
  });
}
