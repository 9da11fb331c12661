/** Determines where each response ends, on any thread. Client and server must agree on it, or the client reads the rest of this
 * response as the next one.
 *
 * Four steps of node:http's ServerResponse are intercepted here: the head is made (`_storeHeader`), bytes are sent (`_send`),
 * the response is complete (`_finish`), an interim response is sent (`writeInformation`).
 *
 * - What the headers say is settled once (`framing-headers.ts`).
 * - A body longer than its `content-length` is cut there, where the client stops reading, and the connection is closed.
 * - After a shorter body the connection is closed, so the client sees that the rest is missing.
 * - Neither HTTP/1.0 nor a final response has interim statuses (1xx).
 *
 * Nothing is counted for a response that leaves its length to node:http, or ends with one `end(body)` of that length.
 *
 * Rejected: node:http's `strictContentLength`. It throws within the app's `write`, and from a pipe that is an exception
 * nobody catches; when too little was written it throws in `end` and leaves the response open; it sees no headers given to `writeHead`
 * as a list; and it makes every `end(body)` two writes. Also a class of our own: Express takes the class from a response.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { HeddleError } from "../../errors/errors.ts";
import { http } from "../../platform/http.ts";
import {
  type GivenHeaders,
  type HeaderTable,
  NONE,
  pairsOf,
  plainLength,
  plainLengthSet,
  settleHeaders,
  UNUSUAL,
} from "./framing-headers.ts";

/** A framing fault of an app's response. */
export type FramingFault =
  /** `encoded`: it has a `content-encoding`. */
  | {
      readonly kind: "too-long" | "too-short";
      readonly declaredBytes: number;
      readonly sentBytes: number;
      readonly encoded: boolean;
    }
  | { readonly kind: "bad-length"; readonly value: string }
  | { readonly kind: "interim"; readonly status: number };

export interface FramingRules<Owner> {
  /** undefined: the response is none of the server's. */
  readonly ownerOf: (res: ServerResponse) => Owner | undefined;
  readonly misframed: (owner: Owner, fault: FramingFault) => void;
  /** The connection ends with this response. */
  readonly closes?: (owner: Owner) => void;
}

/** Bytes that its `content-length` still has room for; absent: nobody counts. */
const leftOf: unique symbol = Symbol("heddle.left");
const declaredOf: unique symbol = Symbol("heddle.declared");

type Data = string | Uint8Array;
type Callback = ((error?: Error | null) => void) | null | undefined;

/** node:http's own names. */
type Outgoing = Omit<ServerResponse, "writeInformation"> & {
  [table: symbol]: unknown;
  [leftOf]?: number;
  [declaredOf]?: number;
  _header: string;
  _headerSent: boolean;
  _last: boolean;
  _hasBody: boolean;
  _contentLength: number | null;
  _storeHeader(firstLine: string, headers: GivenHeaders | undefined): void;
  _send(data: Data, encoding?: BufferEncoding | null, callback?: Callback, byteLength?: number): boolean;
  _finish(): void;
  writeInformation(status: number, headers?: unknown, callback?: Callback): unknown;
};

/** Once in each thread, before anything is served. */
export function installFraming<Owner>({ ownerOf, misframed, closes }: FramingRules<Owner>): void {
  // oxlint-disable no-underscore-dangle -- node:http's names
  const prototype = http.ServerResponse.prototype as Outgoing;
  // oxlint-disable-next-line typescript/unbound-method -- called with the response as `this`
  const { _storeHeader: storeHeader, _send: send, _finish: finish, writeInformation } = prototype;

  const tableOf = headerTable();

  const told = (res: Outgoing, fault: FramingFault): void => {
    const owner = ownerOf(res);
    if (owner !== undefined) misframed(owner, fault);
  };

  prototype._storeHeader = function (this: Outgoing, firstLine, given) {
    const owner = ownerOf(this);
    if (owner === undefined) return storeHeader.call(this, firstLine, given);
    const { statusCode: status, req } = this;
    // Known when all of the body comes with `end`.
    const bodyBytes = this._contentLength;
    const isTable = given !== undefined && given === this[tableOf];
    let length = NONE;
    if (isTable) length = plainLengthSet(given as HeaderTable);
    else if (given !== undefined) length = plainLength(given);
    let headers = given;
    if (req.httpVersionMinor === 0) this.useChunkedEncodingByDefault = false;
    if (status < 200) this.shouldKeepAlive = false;
    if (length === UNUSUAL || (length !== NONE && (status < 200 || status === 204))) {
      const { httpVersionMinor } = req;
      const pairs = isTable ? Object.values(given as HeaderTable) : pairsOf(given!);
      const settled = settleHeaders(pairs, { status, httpVersionMinor, keepsAlive: this.shouldKeepAlive });
      headers = settled.headers;
      length = settled.length ?? NONE;
      if (settled.badLength !== undefined) misframed(owner, { kind: "bad-length", value: settled.badLength });
    }
    // Set when the client has closed its side (node:http). The head says nothing of it.
    const wasLast = this._last;
    if (wasLast) this._last = false;
    storeHeader.call(this, firstLine, headers);
    if (status < 200) {
      this._last = true;
      misframed(owner, { kind: "interim", status });
    }
    if (length !== NONE && length !== bodyBytes && this._hasBody) {
      this[leftOf] = length;
      this[declaredOf] = length;
      if (bodyBytes !== null) endConnection(this);
    }
    if (this._last) closes?.(owner);
    else if (wasLast) this._last = true;
  };

  prototype._send = function (this: Outgoing, data, encoding, callback, byteLength) {
    const left = this[leftOf];
    if (left === undefined) return send.call(this, data, encoding, callback, byteLength);
    const bytes = byteLength ?? bytesOf(data, encoding);
    this[leftOf] = left - bytes;
    if (bytes <= left) return send.call(this, data, encoding, callback, byteLength);
    if (left >= 0) {
      endConnection(this);
      told(this, faultOf(this, "too-long"));
    }
    if (left > 0) send.call(this, toBytes(data, encoding).subarray(0, left), null, callback);
    else send.call(this, "", "latin1", callback);
    process.nextTick(cut, this);
    return false;
  };

  prototype._finish = function (this: Outgoing) {
    const left = this[leftOf];
    // If the client has disconnected, or heddle has answered in the app's place, nothing is missing.
    if (left !== undefined && left > 0 && !this.destroyed && this.socket?.destroyed === false) {
      this._last = true;
      told(this, faultOf(this, "too-short"));
    }
    finish.call(this);
  };

  prototype.writeInformation = function (this: Outgoing, status, headers, callback) {
    // RFC 9110 §15.2
    if (this.req.httpVersionMinor !== 0 || ownerOf(this) === undefined)
      return writeInformation.call(this, status, headers, callback);
    if (typeof callback === "function") process.nextTick(callback);
    return true;
  };
  // oxlint-enable no-underscore-dangle
}

/** Where a response of node:http has the headers that were set. */
function headerTable(): symbol {
  const request = { method: "GET", httpVersionMajor: 1, httpVersionMinor: 1, headers: {} } as IncomingMessage;
  const symbols = Object.getOwnPropertySymbols(new http.ServerResponse(request));
  const found = symbols.find(({ description }) => description === "kOutHeaders");
  if (found === undefined) throw new HeddleError("INTERNAL", "This Node.js keeps the headers of a response elsewhere.");
  return found;
}

/** The announced bytes are sent, and the app continues to write: only closing the connection can stop it. */
function cut(res: ServerResponse): void {
  if (!res.writableEnded && !res.destroyed) res.socket?.destroySoon();
}

function endConnection(res: Outgoing): void {
  // oxlint-disable no-underscore-dangle -- node:http's names
  res._last = true;
  if (!res._headerSent) res._header = res._header.replace(KEPT_ALIVE, "Connection: close\r\n");
  // oxlint-enable no-underscore-dangle
}

/** As node:http writes it. */
const KEPT_ALIVE = /^Connection: keep-alive\r\n(?:Keep-Alive: [^\r]*\r\n)?/m;

function faultOf(res: Outgoing, kind: "too-long" | "too-short"): FramingFault {
  const declaredBytes = res[declaredOf]!;
  // oxlint-disable-next-line no-underscore-dangle -- node:http's name
  const encoded = /^content-encoding:/im.test(res._header);
  return { kind, declaredBytes, sentBytes: declaredBytes - res[leftOf]!, encoded };
}

function bytesOf(data: Data, encoding: BufferEncoding | null | undefined): number {
  return typeof data === "string" ? Buffer.byteLength(data, encoding ?? "utf8") : data.byteLength;
}

function toBytes(data: Data, encoding: BufferEncoding | null | undefined): Uint8Array {
  return typeof data === "string" ? Buffer.from(data, encoding ?? "utf8") : data;
}
