/** The trials that need no connection: a server that does not listen, and requests and responses made by hand. */
// oxlint-disable no-underscore-dangle -- node:http's names

import { channel } from "node:diagnostics_channel";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createSocket } from "node:dgram";
import { Duplex } from "node:stream";
import { http } from "../../http.ts";
import { datagramHandle, isSharable, pretendToBind, stopPretendingToBind } from "../datagrams.ts";
import { holdBack, replacePublish } from "../http-channels.ts";
import { pretendToListen, replaceListen } from "../listening.ts";
import type { Findings, See } from "./probe.ts";
import {
  addHeaderLines,
  createRequest,
  isRead,
  replaceDestroy,
  replaceHeaders,
  replaceRead,
  replaceSignal,
  setBufferBytes,
} from "../requests.ts";
import {
  assignStream,
  closeResponse,
  createResponse,
  detachStream,
  endConnectionWith,
  forgetNeedDrain,
  forgoChunks,
  hasBody,
  hintKeepAlive,
  isContinued,
  onceAssigned,
  onceWritten,
  ownSymbol,
  replaceSocket,
} from "../responses.ts";

/** Any address reserved for documentation (RFC 5737). */
const ADDRESS = { address: "192.0.2.1", family: "IPv4", port: 1 };

export function tryDatagrams(findings: Findings, see: See): void {
  const socket = createSocket("udp4");
  findings.try("dgram.Socket: state", () => {
    if (!isSharable(see(socket))) return false;
    pretendToBind(socket);
    const isPretended = !isSharable(socket);
    stopPretendingToBind(socket);
    return isPretended && datagramHandle(socket) !== null;
  });
  socket.close();
}

export function tryListening(findings: Findings, see: See): void {
  const server = http.createServer();
  findings.try("Server.listen", () => {
    let isCalled = false;
    replaceListen((own) => {
      isCalled = true;
      return own;
    }, see(server));
    // Node's own method would throw.
    server.listen({ port: -1 });
    return isCalled;
  });
  findings.try("Server._handle", () => {
    pretendToListen(see(server), ADDRESS);
    const address = server.address();
    const isListening = server.listening;
    server.close();
    return isListening && typeof address === "object" && address?.address === ADDRESS.address && !server.listening;
  });
}

export function tryMessages(findings: Findings, see: See): void {
  findings.try("Channel.publish", () => {
    const own = channel("heddle:probe");
    replacePublish([see(own)]);
    const isReplaced = Object.hasOwn(own, "publish");
    Reflect.deleteProperty(own, "publish");
    return isReplaced;
  });
  const stream = sink();
  const req = findings.make("new IncomingMessage", () => request(stream));
  if (req === undefined) return;
  tryFilling(findings, see, req);
  tryReading(findings, see, req, request(stream));
  findings.try("IncomingMessage._destroy", () => {
    const destroyed = request(stream);
    let isCalled = false;
    replaceDestroy(see(destroyed), (_error, callback) => {
      isCalled = true;
      callback(null);
    });
    destroyed.destroy();
    return isCalled && !stream.destroyed;
  });
  const res = findings.make("new ServerResponse", () => createResponse(req));
  if (res === undefined) return;
  tryStream(findings, see, res, stream);
  tryMarks(findings, see, createResponse(req));
  findings.try("ServerResponse._hasBody", () => {
    const toHead = createResponse(Object.assign(request(stream), { method: "HEAD" }));
    return hasBody(see(res)) && !hasBody(see(toHead));
  });
  findings.try("ServerResponse.chunkedEncoding", () => {
    const chunked = createResponse(req);
    chunked.write("x");
    return see(chunked).chunkedEncoding;
  });
}

function sink(): Duplex {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, callback) => callback() });
  holdBack(stream);
  return stream;
}

function request(stream: Duplex): IncomingMessage {
  return Object.assign(createRequest(stream), { method: "GET", httpVersionMajor: 1, httpVersionMinor: 1 });
}

function tryFilling(findings: Findings, see: See, req: IncomingMessage): void {
  findings.try("IncomingMessage._addHeaderLines", () => {
    addHeaderLines(see(req), ["x-probe", "1"]);
    return req.headers["x-probe"] === "1";
  });
  findings.try("IncomingMessage.headers", () => {
    const other = request(sink());
    replaceHeaders(see(other), req);
    return other.headers["x-probe"] === "1" && other.rawHeaders.length === 2;
  });
  findings.try("Readable.highWaterMark", () => {
    setBufferBytes(see(req), 77);
    return req.readableHighWaterMark === 77;
  });
  findings.try("IncomingMessage.signal", () => {
    const { signal } = new AbortController();
    const requests = Object.create(http.IncomingMessage.prototype) as { readonly signal?: AbortSignal };
    replaceSignal(() => signal, see(requests));
    return requests.signal === signal;
  });
}

interface ReadState {
  readonly _consuming: boolean;
  readonly _readableState: { readonly readingMore: boolean };
}

function tryReading(findings: Findings, see: See, req: IncomingMessage, resumed: IncomingMessage): void {
  const state = req as unknown as ReadState;
  const wasRead = isRead(see(req));
  const wasHeldBack = state._readableState.readingMore;
  findings.try("IncomingMessage._read", () => {
    let asked = 0;
    replaceRead(see(req), () => asked++);
    req.read(0);
    return asked === 1;
  });
  findings.try("IncomingMessage._consuming", () => !wasRead && state._consuming);
  findings.try("Readable.readingMore", () => wasHeldBack && !state._readableState.readingMore);
  findings.try("Readable.resumeScheduled", () => {
    resumed.resume();
    return isRead(see(resumed));
  });
}

interface ResponseState {
  readonly _last: boolean;
}

function tryMarks(findings: Findings, see: See, res: ServerResponse): void {
  const state = res as unknown as ResponseState;
  findings.try("ServerResponse._sent100", () => {
    const was = isContinued(see(res));
    res.writeContinue();
    return !was && isContinued(see(res));
  });
  findings.try("ServerResponse._last", () => {
    const was = state._last;
    endConnectionWith(see(res));
    return !was && state._last;
  });
  findings.try("ServerResponse[kNeedDrain]", () => {
    Reflect.set(res, ownSymbol(see(res), "kNeedDrain")!, true);
    const isNeeded = res.writableNeedDrain;
    forgetNeedDrain(see(res));
    return isNeeded && !res.writableNeedDrain;
  });
  findings.try("ServerResponse.useChunkedEncodingByDefault", () => {
    forgoChunks(see(res));
    res.write("x");
    return !res.chunkedEncoding;
  });
}

/** The response's way from its stream to its end. */
function tryStream(findings: Findings, see: See, res: ServerResponse, stream: Duplex): void {
  const seen = see(res);
  let assigned: Duplex | undefined;
  let isWritten = false;
  onceAssigned(seen, (socket) => (assigned = socket));
  onceWritten(seen, () => (isWritten = true));
  findings.try("ServerResponse.assignSocket", () => {
    assignStream(seen, stream);
    return (res.socket as Duplex | null) === stream;
  });
  findings.try("ServerResponse: socket", () => assigned === stream);
  findings.try("ServerResponse._keepAliveTimeout", () => {
    hintKeepAlive(seen, 7000);
    res.write("x");
    return /^keep-alive: timeout=7\b/im.test(headIn(res));
  });
  res.end();
  findings.try("ServerResponse: prefinish", () => isWritten);
  findings.try("ServerResponse.socket", () => {
    const standIn = new Duplex() as never;
    replaceSocket(see(res.req), seen, standIn);
    const isReplaced = res.socket === standIn;
    replaceSocket(res.req, res, stream as never);
    return isReplaced;
  });
  findings.try("ServerResponse.detachSocket", () => {
    detachStream(seen, stream);
    return res.socket === null;
  });
  findings.try("ServerResponse._closed", () => {
    const was = res.closed;
    closeResponse(seen);
    return !was && res.closed;
  });
}

/** As Node keeps it, whatever is seen of it. */
function headIn(res: ServerResponse): string {
  return String((res as unknown as { readonly _header: unknown })._header);
}
