/** Determines where each response ends, on any thread. Client and server must agree on it, or the client reads the rest of this
 * response as the next one.
 *
 * Four steps of node:http's ServerResponse are intercepted here: the head is made, bytes are sent, the response is complete, an
 * interim response is sent.
 *
 * - What the headers say is settled once (`framing-headers.ts`).
 * - A body longer than its `content-length` is cut there, where the client stops reading, and the connection is closed.
 * - After a shorter body the connection is closed, so the client sees that the rest is missing.
 * - Neither HTTP/1.0 nor a final response has interim statuses (1xx).
 *
 * Nothing is counted for a response that leaves its length to node:http, or ends with one `end(body)` of that length.
 *
 * Rejected: node:http's `strictContentLength`. It throws within the app's `write`: in a pipe, that is an uncaught exception.
 * When too little was written, it throws in `end` and leaves the response open. It ignores headers given to `writeHead` as a
 * list. And it makes every `end(body)` two writes. Also rejected: a class of our own. Express replaces a response's class.
 */

import type { ServerResponse } from "node:http";
import { type Data, replaceSteps } from "../../platform/node-internals/response-steps.ts";
import {
  bytesOfEnd,
  endConnectionWith,
  endsConnection,
  setEndsConnection,
  forgoChunks,
  hasBody,
  headersSetOn,
  headOf,
  keepsConnection,
  reviseHead,
  setKeepsConnection,
} from "../../platform/node-internals/responses.ts";
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
  /** undefined: the server does not own this response. */
  readonly ownerOf: (res: ServerResponse) => Owner | undefined;
  readonly misframed: (owner: Owner, fault: FramingFault) => void;
  /** The connection ends with this response. */
  readonly closes?: (owner: Owner) => void;
  /** A cookie of the server's own for the head. */
  readonly cookie?: (owner: Owner) => string | undefined;
}

/** On a response: the bytes that its `content-length` still allows. Absent: nothing is counted. */
const leftOf: unique symbol = Symbol("heddle.left");
const declaredOf: unique symbol = Symbol("heddle.declared");

interface Framed {
  [leftOf]?: number;
  [declaredOf]?: number;
}

/** Once in each thread, before anything is served. */
export function installFraming<Owner>({ ownerOf, misframed, closes, cookie }: FramingRules<Owner>): void {
  const told = (res: ServerResponse, fault: FramingFault): void => {
    const owner = ownerOf(res);
    if (owner !== undefined) misframed(owner, fault);
  };

  replaceSteps((original) => ({
    storeHeader(firstLine, given) {
      const owner = ownerOf(this);
      if (owner === undefined) return original.storeHeader.call(this, firstLine, given);
      const { statusCode: status, req } = this;
      // Known when all of the body comes with `end`.
      const bodyBytes = bytesOfEnd(this);
      const isTable = given !== undefined && given === headersSetOn(this);
      let length = NONE;
      if (isTable) length = plainLengthSet(given as HeaderTable);
      else if (given !== undefined) length = plainLength(given as GivenHeaders);
      let headers = given;
      if (req.httpVersionMinor === 0) forgoChunks(this);
      if (status < 200) setKeepsConnection(this, false);
      if (length === UNUSUAL || (length !== NONE && (status < 200 || status === 204))) {
        const { httpVersionMinor } = req;
        const pairs = isTable ? Object.values(given as HeaderTable) : pairsOf(given as GivenHeaders);
        const settled = settleHeaders(pairs, { status, httpVersionMinor, keepsAlive: keepsConnection(this) });
        headers = settled.headers;
        length = settled.length ?? NONE;
        if (settled.badLength !== undefined) misframed(owner, { kind: "bad-length", value: settled.badLength });
      }
      // Set when the client has closed its side (node:http). The head does not say so.
      const wasLast = endsConnection(this);
      if (wasLast) setEndsConnection(this, false);
      original.storeHeader.call(this, firstLine, headers);
      const own = cookie?.(owner);
      if (own !== undefined) reviseHead(this, (head) => `${head.slice(0, -2)}Set-Cookie: ${own}\r\n\r\n`);
      if (status < 200) {
        endConnectionWith(this);
        misframed(owner, { kind: "interim", status });
      }
      if (length !== NONE && length !== bodyBytes && hasBody(this)) {
        const framed = this as Framed;
        framed[leftOf] = length;
        framed[declaredOf] = length;
        if (bodyBytes !== null) endConnection(this);
      }
      if (endsConnection(this)) closes?.(owner);
      else if (wasLast) setEndsConnection(this, true);
    },

    send(data, encoding, callback, byteLength) {
      const framed = this as Framed;
      const left = framed[leftOf];
      if (left === undefined) return original.send.call(this, data, encoding, callback, byteLength);
      const bytes = byteLength ?? bytesOf(data, encoding);
      framed[leftOf] = left - bytes;
      if (bytes <= left) return original.send.call(this, data, encoding, callback, byteLength);
      if (left >= 0) {
        endConnection(this);
        told(this, faultOf(this, "too-long"));
      }
      if (left > 0) original.send.call(this, toBytes(data, encoding).subarray(0, left), null, callback);
      else original.send.call(this, "", "latin1", callback);
      process.nextTick(cut, this);
      return false;
    },

    finish() {
      const left = (this as Framed)[leftOf];
      // If the client has disconnected, or heddle has answered in the app's place, nothing is missing.
      if (left !== undefined && left > 0 && !this.destroyed && this.socket?.destroyed === false) {
        endConnectionWith(this);
        told(this, faultOf(this, "too-short"));
      }
      original.finish.call(this);
    },

    writeInformation(status, headers, callback) {
      // RFC 9110 §15.2
      if (this.req.httpVersionMinor !== 0 || ownerOf(this) === undefined)
        return original.writeInformation.call(this, status, headers, callback);
      if (typeof callback === "function") process.nextTick(callback);
      return true;
    },
  }));
}

/** The announced bytes are sent, and the app continues to write: only closing the connection can stop it. */
function cut(res: ServerResponse): void {
  if (!res.writableEnded && !res.destroyed) res.socket?.destroySoon();
}

function endConnection(res: ServerResponse): void {
  endConnectionWith(res);
  reviseHead(res, (head) => head.replace(KEPT_ALIVE, "Connection: close\r\n"));
}

/** The form in which node:http writes it. */
const KEPT_ALIVE = /^Connection: keep-alive\r\n(?:Keep-Alive: [^\r]*\r\n)?/m;

function faultOf(res: ServerResponse, kind: "too-long" | "too-short"): FramingFault {
  const framed = res as Framed;
  const declaredBytes = framed[declaredOf]!;
  const encoded = /^content-encoding:/im.test(headOf(res) ?? "");
  return { kind, declaredBytes, sentBytes: declaredBytes - framed[leftOf]!, encoded };
}

function bytesOf(data: Data, encoding: BufferEncoding | null | undefined): number {
  return typeof data === "string" ? Buffer.byteLength(data, encoding ?? "utf8") : data.byteLength;
}

function toBytes(data: Data, encoding: BufferEncoding | null | undefined): Uint8Array {
  return typeof data === "string" ? Buffer.from(data, encoding ?? "utf8") : data;
}
