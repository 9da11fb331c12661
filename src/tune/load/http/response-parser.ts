/**
 * Finds the end of HTTP/1.1 responses in the bytes of a connection, RFC 9112 §6 and §7: by length, chunked, until the close, or
 * without a body. One parser serves all responses of a connection, one after the other.
 *
 * It works on bytes, and makes no strings and no objects for a response that comes in one piece: a load generator has a few
 * microseconds for each. Everything but a body is lines; only a line that is cut is copied. Clients that look at the head and at
 * the beginning of the body ask for them with `keepBytes`.
 *
 * Not a parser for a server: it is lenient where the end of the response does not depend on it.
 *
 * Rejected: an HTTP library, which hides how far a response had come when its connection ended. node:http's parser, which makes
 * strings for every header.
 */

const STATUS_LINE = 0;
const HEADERS = 1;
const LENGTH = 2;
const CHUNK_SIZE = 3;
const CHUNK_DATA = 4;
const CHUNK_END = 5;
const TRAILERS = 6;
const UNTIL_CLOSE = 7;
const DONE = 8;

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const COMMA = 0x2c;
const COLON = 0x3a;
const ZERO = 0x30;
const LOWER = 0x20;
const LETTER_C = 0x63;
const LETTER_T = 0x74;

const LINE_LIMIT = 64 * 1024;
const HTTP_1 = Buffer.from("HTTP/1.");
/** "HTTP/1.1 200" */
const SHORTEST_STATUS_LINE = 12;
const CONTENT_LENGTH = Buffer.from("content-length");
const CONNECTION = Buffer.from("connection");
const TRANSFER_ENCODING = Buffer.from("transfer-encoding");
const CLOSE = Buffer.from("close");
const KEEP_ALIVE = Buffer.from("keep-alive");
const CHUNKED = Buffer.from("chunked");

export class MalformedResponse extends Error {}

export class ResponseParser {
  status = 0;
  /** Whether another request may follow on the connection. */
  keepAlive = true;
  bodyBytes = 0;
  /** The beginning of the body, in latin1, if it is kept. */
  body = "";
  /** In the order received, names in lower case; empty unless kept. */
  readonly headers: [name: string, value: string][] = [];
  readonly #keepBytes: number;
  #state: number = STATUS_LINE;
  #started = false;
  /** What is left of the body or of the chunk. -1: the head has no content-length. */
  #left = -1;
  #chunked = false;
  #encoded = false;
  #toHead = false;
  /** The beginning of a line whose end has not come. */
  #cut: Buffer | undefined;

  constructor(keepBytes = -1) {
    this.#keepBytes = keepBytes;
  }

  /** Whether any byte of this response has come. */
  get started(): boolean {
    return this.#started;
  }

  get done(): boolean {
    return this.#state === DONE;
  }

  /** The first value of a header, if the head is kept. */
  header(name: string): string | undefined {
    const wanted = name.toLowerCase();
    return this.headers.find(([each]) => each === wanted)?.[1];
  }

  /** Begins with the next response. `toHead`: it answers a HEAD request, so it has no body whatever its head says. */
  begin(toHead = false): void {
    this.#state = STATUS_LINE;
    this.#started = false;
    this.#toHead = toHead;
    this.#cut = undefined;
    this.bodyBytes = 0;
    this.body = "";
  }

  /** Takes bytes up to the end of the response. Returns how many of them belong to it. @throws MalformedResponse */
  push(chunk: Uint8Array, bytes: number = chunk.length): number {
    if (bytes > 0) this.#started = true;
    let at = 0;
    while (at < bytes && this.#state !== DONE) {
      switch (this.#state) {
        case LENGTH:
        case CHUNK_DATA:
          at = this.#readBody(chunk, at, Math.min(bytes, at + this.#left));
          break;
        case UNTIL_CLOSE:
          at = this.#readBody(chunk, at, bytes);
          break;
        default:
          at = this.#readLine(chunk, at, bytes);
      }
    }
    return at;
  }

  /** The connection ended. The response is complete only if it ends with its connection. */
  end(): void {
    if (this.#state === UNTIL_CLOSE) this.#state = DONE;
  }

  #readLine(chunk: Uint8Array, from: number, bytes: number): number {
    let end = from;
    while (end < bytes && chunk[end] !== LF) end++;
    if (end === bytes) {
      const piece = chunk.subarray(from, bytes);
      this.#cut = Buffer.concat(this.#cut === undefined ? [piece] : [this.#cut, piece]);
      // A server of another protocol (TLS, HTTP/2) may end its answer, or wait, without a line break.
      if (this.#state === STATUS_LINE && !mayBegin(this.#cut)) throw noStatusLine(this.#cut, 0, this.#cut.length);
      if (this.#cut.length > LINE_LIMIT) throw new MalformedResponse(`a line of over ${LINE_LIMIT} bytes`);
      return bytes;
    }
    if (this.#cut === undefined) {
      this.#line(chunk, from, end > from && chunk[end - 1] === CR ? end - 1 : end);
    } else {
      const whole = Buffer.concat([this.#cut, chunk.subarray(from, end)]);
      this.#cut = undefined;
      this.#line(whole, 0, whole.at(-1) === CR ? whole.length - 1 : whole.length);
    }
    return end + 1;
  }

  #line(line: Uint8Array, from: number, to: number): void {
    switch (this.#state) {
      case HEADERS:
        if (from === to) this.#headEnds();
        else this.#header(line, from, to);
        break;
      case STATUS_LINE:
        // RFC 9112 §2.2: empty lines before a message are ignored.
        if (from !== to) this.#statusLine(line, from, to);
        break;
      case CHUNK_SIZE:
        this.#chunkSize(line, from, to);
        break;
      case CHUNK_END:
        if (from !== to) throw new MalformedResponse("a chunk is longer than it says");
        this.#state = CHUNK_SIZE;
        break;
      default:
        if (from === to) this.#state = DONE;
    }
  }

  #statusLine(line: Uint8Array, from: number, to: number): void {
    const minor = line[from + 7]! - ZERO;
    const hundreds = line[from + 9]! - ZERO;
    const tens = line[from + 10]! - ZERO;
    const ones = line[from + 11]! - ZERO;
    const isWhole = to - from >= SHORTEST_STATUS_LINE && startsWith(line, from, HTTP_1) && line[from + 8] === SPACE;
    const areDigits = hundreds > 0 && hundreds <= 9 && tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9;
    if (!isWhole || !areDigits || (minor !== 0 && minor !== 1)) {
      throw noStatusLine(line, from, to);
    }
    this.status = hundreds * 100 + tens * 10 + ones;
    this.keepAlive = minor === 1;
    this.#left = -1;
    this.#chunked = false;
    this.#encoded = false;
    this.headers.length = 0;
    this.#state = HEADERS;
  }

  #header(line: Uint8Array, from: number, to: number): void {
    if (this.#keepBytes >= 0) this.#keepHeader(line, from, to);
    const first = line[from]! | LOWER;
    if (first === LETTER_C) {
      if (isField(line, from, to, CONTENT_LENGTH)) this.#contentLength(line, from + CONTENT_LENGTH.length + 1, to);
      else if (isField(line, from, to, CONNECTION)) this.#connection(line, from + CONNECTION.length + 1, to);
    } else if (first === LETTER_T && isField(line, from, to, TRANSFER_ENCODING)) {
      this.#encoded = true;
      // RFC 9112 §6.3: the length is known only if chunked is the last coding.
      this.#chunked = isLastToken(line, from + TRANSFER_ENCODING.length + 1, to, CHUNKED);
    }
  }

  #contentLength(line: Uint8Array, from: number, to: number): void {
    let at = from;
    let end = to;
    while (at < end && isBlank(line[at]!)) at++;
    while (end > at && isBlank(line[end - 1]!)) end--;
    let length = 0;
    for (let index = at; index < end; index++) {
      const digit = line[index]! - ZERO;
      if (digit < 0 || digit > 9) length = Number.NaN;
      length = length * 10 + digit;
    }
    if (at === end || !Number.isSafeInteger(length) || (this.#left !== -1 && this.#left !== length)) {
      throw new MalformedResponse(`content-length ${JSON.stringify(text(line, at, Math.min(end, at + 40)))}`);
    }
    this.#left = length;
  }

  #connection(line: Uint8Array, from: number, to: number): void {
    if (hasToken(line, from, to, CLOSE)) this.keepAlive = false;
    else if (hasToken(line, from, to, KEEP_ALIVE)) this.keepAlive = true;
  }

  #headEnds(): void {
    const { status } = this;
    // 1xx is interim: the final response follows. After 101 the connection speaks another protocol.
    if (status < 200 && status !== 101) this.#state = STATUS_LINE;
    else if (status === 101) this.#endWithConnection(DONE);
    else if (this.#toHead || status === 204 || status === 304) this.#state = DONE;
    else if (this.#chunked) this.#state = CHUNK_SIZE;
    else if (this.#encoded || this.#left === -1) this.#endWithConnection(UNTIL_CLOSE);
    else this.#state = this.#left === 0 ? DONE : LENGTH;
  }

  #endWithConnection(state: number): void {
    this.keepAlive = false;
    this.#state = state;
  }

  #chunkSize(line: Uint8Array, from: number, to: number): void {
    let size = 0;
    let at = from;
    for (; at < to; at++) {
      const digit = hexDigit(line[at]!);
      if (digit === -1) break;
      size = size * 16 + digit;
    }
    if (at === from || !Number.isSafeInteger(size)) {
      throw new MalformedResponse(`chunk size ${JSON.stringify(text(line, from, Math.min(to, from + 20)))}`);
    }
    this.#left = size;
    this.#state = size === 0 ? TRAILERS : CHUNK_DATA;
  }

  #readBody(chunk: Uint8Array, from: number, to: number): number {
    if (this.body.length < this.#keepBytes) {
      this.body += text(chunk, from, Math.min(to, from + this.#keepBytes - this.body.length));
    }
    this.bodyBytes += to - from;
    if (this.#state !== UNTIL_CLOSE) {
      this.#left -= to - from;
      if (this.#left === 0) this.#state = this.#state === LENGTH ? DONE : CHUNK_END;
    }
    return to;
  }

  #keepHeader(line: Uint8Array, from: number, to: number): void {
    const [, name = "", value = ""] = /^([^:]*):?(.*)$/s.exec(text(line, from, to)) ?? [];
    this.headers.push([name.toLowerCase(), value.trim()]);
  }
}

/** Whether these first bytes may become a status line. The line break of an empty line before it may be cut. */
function mayBegin(bytes: Uint8Array): boolean {
  const beginning = HTTP_1.subarray(0, Math.min(bytes.length, HTTP_1.length));
  return startsWith(bytes, 0, beginning) || (bytes.length === 1 && bytes[0] === CR);
}

function noStatusLine(line: Uint8Array, from: number, to: number): MalformedResponse {
  return new MalformedResponse(`not a status line: ${JSON.stringify(text(line, from, Math.min(to, from + 40)))}`);
}

function text(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString("latin1");
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

function startsWith(line: Uint8Array, from: number, wanted: Uint8Array): boolean {
  for (let index = 0; index < wanted.length; index++) if (line[from + index] !== wanted[index]) return false;
  return true;
}

/** `name` is in lower case. */
function isField(line: Uint8Array, from: number, to: number, name: Uint8Array): boolean {
  return to - from > name.length && line[from + name.length] === COLON && startsWithAnyCase(line, from, name);
}

function startsWithAnyCase(line: Uint8Array, from: number, lower: Uint8Array): boolean {
  for (let index = 0; index < lower.length; index++) if ((line[from + index]! | LOWER) !== lower[index]) return false;
  return true;
}

/** Whether a list such as `keep-alive, upgrade` has this token. */
function hasToken(line: Uint8Array, from: number, to: number, token: Uint8Array): boolean {
  for (let at = from; at < to; at++) {
    if (isBlank(line[at]!) || line[at] === COMMA) continue;
    let end = at;
    while (end < to && line[end] !== COMMA) end++;
    if (isLastToken(line, at, end, token)) return true;
    at = end;
  }
  return false;
}

function isLastToken(line: Uint8Array, from: number, to: number, token: Uint8Array): boolean {
  let end = to;
  while (end > from && isBlank(line[end - 1]!)) end--;
  const start = end - token.length;
  if (start < from || !startsWithAnyCase(line, start, token)) return false;
  return start === from || isBlank(line[start - 1]!) || line[start - 1] === COMMA;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | LOWER;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
