/**
 * Parses one HTTP/1.1 response from the bytes of a connection, RFC 9112 §6 and §7: by length, chunked, or until the close.
 *
 * The client must know how far a response had come when its connection ended, which an HTTP library hides. It is made for a
 * load client: it skips trailers and header folding, and keeps bodies up to a small limit.
 */

type State = "head" | "length" | "chunk size" | "chunk data" | "chunk end" | "trailers" | "until close" | "done";

const BODY_KEPT = 256;
const HEAD_LIMIT = 64 * 1024;

export class MalformedResponse extends Error {}

export class ResponseParser {
  status = 0;
  bodyBytes = 0;
  /** The first bytes of the body. */
  body = "";
  /** The value of `x-worker`, if the server sends it. */
  worker = "";
  keepAlive = true;
  #state: State = "head";
  #pending = "";
  #left = 0;
  #started = false;

  get started(): boolean {
    return this.#started;
  }

  get done(): boolean {
    return this.#state === "done";
  }

  /** Takes the next bytes. Throws MalformedResponse. */
  push(chunk: Buffer): void {
    this.#started = true;
    let offset = 0;
    while (offset < chunk.length) {
      switch (this.#state) {
        case "head":
          offset = this.#readHead(chunk, offset);
          break;
        case "length":
        case "chunk data":
          offset = this.#readBody(chunk, offset, Math.min(this.#left, chunk.length - offset));
          break;
        case "until close":
          offset = this.#readBody(chunk, offset, chunk.length - offset);
          break;
        case "chunk size":
        case "chunk end":
        case "trailers":
          offset = this.#readLine(chunk, offset);
          break;
        case "done":
          throw new MalformedResponse(`${chunk.length - offset} bytes after the end of the response`);
      }
    }
  }

  /** The connection ended. The response is complete only if it ends with its connection. */
  end(): void {
    if (this.#state === "until close") this.#state = "done";
  }

  #readHead(chunk: Buffer, offset: number): number {
    // The head nearly always comes in one piece, so joining strings is cheaper than keeping buffers.
    const searched = Math.max(0, this.#pending.length - 3);
    const before = this.#pending.length;
    this.#pending += chunk.toString("latin1", offset);
    const end = this.#pending.indexOf("\r\n\r\n", searched);
    if (end === -1) {
      if (this.#pending.length > HEAD_LIMIT) throw new MalformedResponse(`no end of the head in ${HEAD_LIMIT} bytes`);
      return chunk.length;
    }
    const head = this.#pending.slice(0, end + 2);
    this.#pending = "";
    this.#interpret(head);
    return offset + end + 4 - before;
  }

  #interpret(head: string): void {
    const line = /^HTTP\/1\.([01]) (\d{3})/.exec(head);
    if (line === null) throw new MalformedResponse(`not a status line: ${JSON.stringify(head.slice(0, 40))}`);
    this.status = Number(line[2]);
    // 1xx is interim: the final response follows.
    if (this.status < 200) return;
    const connection = field(head, "connection")?.toLowerCase();
    this.keepAlive = line[1] === "1" ? connection !== "close" : connection === "keep-alive";
    this.worker = field(head, "x-worker") ?? "";
    const length = field(head, "content-length");
    if (this.status === 204 || this.status === 304) this.#state = "done";
    else if (field(head, "transfer-encoding")?.toLowerCase() === "chunked") this.#state = "chunk size";
    else if (length === undefined) this.#state = "until close";
    else if (!/^\d+$/.test(length)) throw new MalformedResponse(`content-length ${length}`);
    else this.#expect(Number(length), "length");
    if (this.#state === "until close") this.keepAlive = false;
  }

  #expect(bytes: number, state: "length" | "chunk data"): void {
    this.#left = bytes;
    this.#state = bytes > 0 ? state : "done";
  }

  #readBody(chunk: Buffer, offset: number, bytes: number): number {
    if (this.body.length < BODY_KEPT)
      this.body += chunk.toString("latin1", offset, offset + Math.min(bytes, BODY_KEPT));
    this.bodyBytes += bytes;
    if (this.#state !== "until close") {
      this.#left -= bytes;
      if (this.#left === 0) this.#state = this.#state === "length" ? "done" : "chunk end";
    }
    return offset + bytes;
  }

  #readLine(chunk: Buffer, offset: number): number {
    const end = chunk.indexOf(0x0a, offset);
    if (end === -1) {
      this.#pending += chunk.toString("latin1", offset);
      if (this.#pending.length > HEAD_LIMIT) throw new MalformedResponse(`a line of over ${HEAD_LIMIT} bytes`);
      return chunk.length;
    }
    const line = (this.#pending + chunk.toString("latin1", offset, end)).replace(/\r$/, "");
    this.#pending = "";
    if (this.#state === "chunk end") {
      if (line !== "") throw new MalformedResponse("a chunk is longer than it says");
      this.#state = "chunk size";
    } else if (this.#state === "trailers") {
      if (line === "") this.#state = "done";
    } else {
      const size = /^[\da-f]+/i.exec(line)?.[0];
      if (size === undefined) throw new MalformedResponse(`chunk size ${JSON.stringify(line.slice(0, 20))}`);
      if (Number.parseInt(size, 16) === 0) this.#state = "trailers";
      else this.#expect(Number.parseInt(size, 16), "chunk data");
    }
    return end + 1;
  }
}

function field(head: string, name: string): string | undefined {
  return new RegExp(`\\r\\n${name}:[ \\t]*([^\\r]*)`, "i").exec(head)?.[1]?.trim();
}
