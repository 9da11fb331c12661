/**
 * Finds where a response ends in the bytes of a connection (RFC 9112 §6.3), and changes none of them. The bytes are those that
 * node:http's ServerResponse of another instance has written, so their form is known.
 *
 *   head → (interim) → head → body by length | by chunks | to the end of the connection | none → done → the next head
 *
 * Rejected: node:http's client. It decodes each body, and the response would have to be encoded again, in another form.
 */

export interface ResponseHead {
  readonly status: number;
  readonly text: string;
  /** The connection goes on after the response. */
  readonly keepsAlive: boolean;
  readonly framing: "none" | "length" | "chunks" | "close";
}

/** Called in the order of the bytes. */
export interface ResponseParts {
  /** An interim response (1xx), complete. */
  interim(status: number, text: string): void;
  /** `text`: its bytes as latin1, with the empty line. */
  head(head: ResponseHead): void;
  /** Of the body, as they are on the wire: with the sizes of chunks. */
  body(bytes: Uint8Array): void;
  end(): void;
}

type State = "head" | "length" | "size" | "chunk" | "trailers" | "close" | "done";

const LF = 10;
const EMPTY = Buffer.alloc(0);
/** An app may set some headers of several kilobytes. Something without an end is no head. */
const MAX_HEAD_BYTES = 1024 * 1024;

export class ResponseSplitter {
  readonly #parts: ResponseParts;
  readonly #isHead: boolean;
  #state: State = "head";
  #begun: Buffer = EMPTY;
  #left = 0;
  #line = "";

  /** `method`: of the request. */
  constructor(method: string, parts: ResponseParts) {
    this.#isHead = method === "HEAD";
    this.#parts = parts;
  }

  get isDone(): boolean {
    return this.#state === "done";
  }

  /** Between two chunks, where the last one may follow. */
  get isBetweenChunks(): boolean {
    return this.#state === "size" && this.#line === "";
  }

  /** Returns the bytes behind the response. @throws Error: it is no response */
  push(bytes: Buffer): Buffer {
    let rest = bytes;
    while (this.#state === "head" && rest.length > 0) rest = this.#readHead(rest);
    if (rest.length === 0 || this.#state === "done") return rest;
    const end = this.#state === "close" ? rest.length : this.#endIn(rest);
    if (end > 0) this.#parts.body(rest.subarray(0, end));
    if (this.isDone) this.#parts.end();
    return rest.subarray(end);
  }

  /** The connection has ended. False: the response is not complete. */
  finish(): boolean {
    if (this.#state !== "close") return this.isDone;
    this.#state = "done";
    this.#parts.end();
    return true;
  }

  #readHead(bytes: Buffer): Buffer {
    const from = Math.max(0, this.#begun.length - 3);
    this.#begun = this.#begun.length === 0 ? bytes : Buffer.concat([this.#begun, bytes]);
    const end = this.#begun.indexOf("\r\n\r\n", from);
    if (end === -1) {
      if (this.#begun.length > MAX_HEAD_BYTES) throw new Error("the head of the response has no end");
      return EMPTY;
    }
    const text = this.#begun.toString("latin1", 0, end + 4);
    const rest = this.#begun.subarray(end + 4);
    this.#begun = EMPTY;
    const status = Number(/^HTTP\/1\.[01] (\d{3})\b/.exec(text)?.[1]);
    if (Number.isNaN(status)) throw new Error("a response does not begin with a status line");
    if (status < 200 && status !== 101) this.#parts.interim(status, text);
    else this.#begin(status, text);
    return rest;
  }

  #begin(status: number, text: string): void {
    const length = /^content-length:[ \t]*(\d+)/im.exec(text)?.[1];
    const says = /^connection:(.*)$/im.exec(text)?.[1]?.toLowerCase() ?? "";
    let framing: ResponseHead["framing"] = "close";
    if (this.#isHead || status === 101 || status === 204 || status === 304) framing = "none";
    else if (/^transfer-encoding:.*\bchunked\b/im.test(text)) framing = "chunks";
    else if (length !== undefined) framing = "length";
    this.#left = framing === "length" ? Number(length) : 0;
    if (framing === "chunks") this.#state = "size";
    else if (framing === "close") this.#state = "close";
    else this.#state = this.#left > 0 ? "length" : "done";
    this.#parts.head({ status, text, framing, keepsAlive: framing !== "close" && !/\bclose\b/.test(says) });
    if (this.#state === "done") this.#parts.end();
  }

  /** Where the response ends in these bytes, or their length. */
  #endIn(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length && this.#state !== "done") {
      if (this.#state === "size" || this.#state === "trailers") {
        const lineEnd = bytes.indexOf(LF, at);
        this.#line += bytes.toString("latin1", at, lineEnd === -1 ? bytes.length : lineEnd + 1);
        at = lineEnd === -1 ? bytes.length : lineEnd + 1;
        if (lineEnd !== -1) this.#readLine();
      } else {
        const taken = Math.min(this.#left, bytes.length - at);
        at += taken;
        this.#left -= taken;
        if (this.#left === 0) this.#state = this.#state === "chunk" ? "size" : "done";
      }
    }
    return at;
  }

  #readLine(): void {
    const line = this.#line.trim();
    this.#line = "";
    if (this.#state === "trailers") {
      if (line === "") this.#state = "done";
      return;
    }
    const size = /^[\da-f]+/i.exec(line)?.[0];
    if (size === undefined) throw new Error("a chunk of the response has no size");
    const bytes = Number.parseInt(size, 16);
    this.#state = bytes === 0 ? "trailers" : "chunk";
    // And the line's end behind it.
    this.#left = bytes + 2;
  }
}
