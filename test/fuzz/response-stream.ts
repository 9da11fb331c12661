/**
 * Parses the responses on a connection exactly as strictly as RFC 9112: anything that a lenient client would repair is a fault
 * of the server here. It needs the requests' methods, because an answer to HEAD has no body.
 */

export interface Response {
  readonly status: number;
  /** Lower-case names; repeated ones joined with ", ". */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  /** False when the connection ended, or has not gone on, before the framing says so. */
  readonly complete: boolean;
  /** Ends where the connection does. */
  readonly untilClose: boolean;
  /** How many `100 Continue` came before it. */
  readonly interim: number;
}

export class MalformedResponse extends Error {}

const HEAD_LIMIT = 64 * 1024;
const TOKEN = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;
// oxlint-disable-next-line no-control-regex -- RFC 9110 §5.5
const VALUE = /^(?:[!-~\x80-\xff](?:[ \t!-~\x80-\xff]*[!-~\x80-\xff])?)?$/;

type Framing =
  | { readonly kind: "length"; left: number }
  | { readonly kind: "chunk size" }
  | { readonly kind: "chunk"; left: number }
  | { readonly kind: "chunk end" }
  | { readonly kind: "trailers" }
  | { readonly kind: "until close" };

interface Current {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly parts: Buffer[];
  framing: Framing;
}

export class ResponseStream {
  readonly responses: Response[] = [];
  readonly #methodOf: (index: number) => string;
  #rest: Buffer = Buffer.alloc(0);
  #current: Current | undefined;
  #interim = 0;

  constructor(methodOf: (index: number) => string) {
    this.#methodOf = methodOf;
  }

  /** Of the response that comes next. */
  get interim(): number {
    return this.#interim;
  }

  /** Takes bytes as they come. @throws MalformedResponse */
  push(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const used = this.#current === undefined ? this.#readHead(bytes) : this.#readBody(bytes, this.#current);
      if (used === undefined) break;
      bytes = bytes.subarray(used);
    }
    this.#rest = bytes;
  }

  /**
   * The connection has ended, cleanly or not: what is there of a response is told, as what it is.
   * @throws MalformedResponse
   */
  end(isClean: boolean): void {
    const current = this.#current;
    if (current !== undefined) {
      this.#finish(current, isClean && current.framing.kind === "until close");
      this.#rest = Buffer.alloc(0);
    } else if (isClean && this.#rest.length > 0) {
      throw new MalformedResponse(`the connection ended within a head: ${shorten(this.#rest)}`);
    }
  }

  #readHead(bytes: Buffer): number | undefined {
    const end = bytes.indexOf("\r\n\r\n");
    if (end === -1) {
      if (bytes.length > 0 && !"HTTP/1.1 ".startsWith(bytes.toString("latin1", 0, 9))) this.#fail(bytes);
      if (bytes.length > HEAD_LIMIT) throw new MalformedResponse(`no end of the head in ${HEAD_LIMIT} bytes`);
      return undefined;
    }
    const [statusLine = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
    const status = Number(/^HTTP\/1\.1 ([1-5]\d\d) [\t -~]*$/.exec(statusLine)?.[1] ?? this.#fail(bytes));
    const headers = readFields(lines);
    if (status === 100) {
      if (headers.has("content-length") || headers.has("transfer-encoding"))
        throw new MalformedResponse("a 100 with a body");
      this.#interim++;
      return end + 4;
    }
    if (status < 200) throw new MalformedResponse(`an interim response ${status}`);
    const framing = framingOf(status, headers, this.#methodOf(this.responses.length));
    this.#current = { status, headers, parts: [], framing };
    if (framing.kind === "length" && framing.left === 0) this.#finish(this.#current, true);
    return end + 4;
  }

  #readBody(bytes: Buffer, current: Current): number | undefined {
    const { framing } = current;
    switch (framing.kind) {
      case "length":
      case "chunk": {
        if (bytes.length === 0) return undefined;
        const taken = bytes.subarray(0, framing.left);
        current.parts.push(taken);
        framing.left -= taken.length;
        if (framing.left > 0) return taken.length;
        if (framing.kind === "length") this.#finish(current, true);
        else current.framing = { kind: "chunk end" };
        return taken.length;
      }
      case "until close":
        if (bytes.length === 0) return undefined;
        current.parts.push(bytes);
        return bytes.length;
      default:
        return this.#readLine(bytes, current);
    }
  }

  #readLine(bytes: Buffer, current: Current): number | undefined {
    const end = bytes.indexOf("\n");
    if (end === -1) return undefined;
    const line = bytes.toString("latin1", 0, end + 1);
    if (!line.endsWith("\r\n")) throw new MalformedResponse(`a bare LF in chunked framing: ${shorten(bytes)}`);
    const text = line.slice(0, -2);
    switch (current.framing.kind) {
      case "chunk end":
        if (text !== "") throw new MalformedResponse(`a chunk longer than its size: ${shorten(bytes)}`);
        current.framing = { kind: "chunk size" };
        break;
      case "chunk size": {
        if (!/^[\dA-Fa-f]{1,8}$/.test(text)) throw new MalformedResponse(`no chunk size: ${shorten(bytes)}`);
        const left = Number.parseInt(text, 16);
        current.framing = left === 0 ? { kind: "trailers" } : { kind: "chunk", left };
        break;
      }
      default:
        if (text === "") this.#finish(current, true);
        else readFields([text]);
    }
    return end + 1;
  }

  #finish({ status, headers, parts, framing }: Current, complete: boolean): void {
    const untilClose = framing.kind === "until close";
    const interim = this.#interim;
    this.responses.push({ status, headers, body: Buffer.concat(parts), complete, untilClose, interim });
    this.#current = undefined;
    this.#interim = 0;
  }

  #fail(bytes: Buffer): never {
    throw new MalformedResponse(`no status line: ${shorten(bytes)}`);
  }
}

function readFields(lines: readonly string[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon));
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
    if (!TOKEN.test(name) || !VALUE.test(value)) throw new MalformedResponse(`no header: ${JSON.stringify(line)}`);
    const key = name.toLowerCase();
    const before = fields.get(key);
    fields.set(key, before === undefined ? value : `${before}, ${value}`);
  }
  return fields;
}

/** RFC 9112 §6.3. */
function framingOf(status: number, headers: ReadonlyMap<string, string>, method: string): Framing {
  const length = headers.get("content-length");
  const coding = headers.get("transfer-encoding");
  if (length !== undefined && !/^\d+$/.test(length)) throw new MalformedResponse(`content-length ${length}`);
  if (length !== undefined && coding !== undefined)
    throw new MalformedResponse("content-length beside transfer-encoding");
  if (coding !== undefined && coding !== "chunked") throw new MalformedResponse(`transfer-encoding ${coding}`);
  if (method === "HEAD" || status === 204 || status === 304) return { kind: "length", left: 0 };
  if (coding !== undefined) return { kind: "chunk size" };
  return length === undefined ? { kind: "until close" } : { kind: "length", left: Number(length) };
}

function shorten(bytes: Buffer): string {
  return JSON.stringify(bytes.toString("latin1", 0, 100));
}
