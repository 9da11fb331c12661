/**
 * A client that writes raw bytes and reads responses one by one, for requests that `fetch` forbids, repairs or hides. It reads
 * only on request, so until then it is a slow reader.
 */

import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface RawResponse {
  readonly status: number;
  readonly reason: string;
  /** Lower-case names; repeated ones joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly trailers: Readonly<Record<string, string>>;
  /** False when the connection ended before the framing said so. */
  readonly complete: boolean;
}

/** A server that does not answer for so long hangs: the test should say so. */
const PATIENCE_MS = 120_000;

export class RawConnection implements AsyncDisposable {
  readonly socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #ended = false;
  #error: NodeJS.ErrnoException | undefined;
  #wake: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("readable", () => this.#wake?.());
    socket.on("end", () => this.#end(undefined));
    socket.on("error", (error) => this.#end(error));
    socket.on("close", () => this.#end(undefined));
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    await once(socket, "connect");
    return new RawConnection(socket);
  }

  /** Why the connection broke, if it did. */
  get error(): NodeJS.ErrnoException | undefined {
    return this.#error;
  }

  write(bytes: string | Uint8Array): this {
    if (this.socket.writable) this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
    return this;
  }

  /** A whole request: head lines without their line ends, `host` added unless given. */
  request(line: string, headers: readonly string[] = [], body = ""): this {
    const host = headers.some((header) => /^host\s*:/i.test(header)) ? [] : ["host: test"];
    return this.write(`${[line, ...host, ...headers].join("\r\n")}\r\n\r\n${body}`);
  }

  /** Bytes that have come and were not read as a response yet. */
  get received(): number {
    return this.#received.length + this.socket.readableLength;
  }

  /** The head of the next response; its body is left unread. */
  async head(): Promise<Pick<RawResponse, "status" | "reason" | "headers">> {
    const head = await this.#until((text) => {
      const end = text.indexOf("\r\n\r\n");
      return end === -1 ? undefined : end + 4;
    });
    if (head === undefined) throw new Error(`no response; got ${JSON.stringify(this.#received.toString("latin1"))}`);
    const [statusLine = "", ...lines] = head.slice(0, -4).split("\r\n");
    const [, status = "0", reason = ""] = /^HTTP\/1\.1 (\d{3}) ?(.*)$/.exec(statusLine) ?? [];
    if (status === "0") throw new Error(`not a status line: ${JSON.stringify(statusLine)}`);
    return { status: Number(status), reason, headers: parseFields(lines) };
  }

  /** The next response; informational ones (1xx other than 101) are responses of their own. */
  async response(method = "GET"): Promise<RawResponse> {
    const answer = await this.head();
    const bodyless = method === "HEAD" || answer.status < 200 || answer.status === 204 || answer.status === 304;
    if (bodyless) return { ...answer, body: "", trailers: {}, complete: true };
    return { ...answer, ...(await this.body(answer.headers)) };
  }

  /** What follows the head of a response with these headers. */
  async body(headers: Readonly<Record<string, string>>): Promise<Pick<RawResponse, "body" | "trailers" | "complete">> {
    if (headers["transfer-encoding"] === "chunked") return await this.#chunks();
    const length = headers["content-length"];
    if (length === undefined) return { body: await this.rest(), trailers: {}, complete: true };
    const body = await this.#bytes(Number(length));
    return { body: body ?? (await this.rest()), trailers: {}, complete: body !== undefined };
  }

  /** Everything until the server ends the connection. */
  async rest(): Promise<string> {
    await this.#until(() => undefined);
    return this.#take(this.#received.length);
  }

  /** So many bytes. undefined: the connection ends before. */
  async bytes(count: number): Promise<Buffer | undefined> {
    const text = await this.#bytes(count);
    return text === undefined ? undefined : Buffer.from(text, "latin1");
  }

  /** Resolves when the server has ended its side or reset it; fails if it sends anything more before. */
  async ended(): Promise<void> {
    const rest = await this.rest();
    if (rest !== "") throw new Error(`the server sent more: ${JSON.stringify(rest)}`);
  }

  destroy(): void {
    this.socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    if (!this.socket.closed) await once(this.socket, "close");
  }

  async #chunks(): Promise<Pick<RawResponse, "body" | "trailers" | "complete">> {
    const parts: string[] = [];
    for (;;) {
      const line = await this.#line();
      if (line === undefined) return { body: parts.join("") + (await this.rest()), trailers: {}, complete: false };
      const size = Number.parseInt(line, 16);
      if (size === 0) break;
      const chunk = await this.#bytes(size + 2);
      if (chunk === undefined) return { body: parts.join("") + (await this.rest()), trailers: {}, complete: false };
      parts.push(chunk.slice(0, -2));
    }
    const lines: string[] = [];
    for (let line = await this.#line(); line !== undefined && line !== ""; line = await this.#line()) lines.push(line);
    return { body: parts.join(""), trailers: parseFields(lines), complete: true };
  }

  async #line(): Promise<string | undefined> {
    const line = await this.#until((text) => {
      const end = text.indexOf("\r\n");
      return end === -1 ? undefined : end + 2;
    });
    return line?.slice(0, -2);
  }

  #bytes(count: number): Promise<string | undefined> {
    return this.#until((received) => (received.length < count ? undefined : count));
  }

  #take(count: number): string {
    const text = this.#received.toString("latin1", 0, count);
    this.#received = this.#received.subarray(count);
    return text;
  }

  /** Takes as many bytes as `find` says; undefined when the connection ends first. */
  async #until(find: (received: Buffer) => number | undefined): Promise<string | undefined> {
    let patient = true;
    const timer = setTimeout(() => {
      patient = false;
      this.socket.destroy();
    }, PATIENCE_MS);
    try {
      for (;;) {
        const count = find(this.#received);
        if (count !== undefined) return this.#take(count);
        const chunk = this.socket.read() as Buffer | null;
        if (chunk !== null)
          this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
        else if (!patient) throw new Error(`the server neither answered nor closed within ${PATIENCE_MS} ms`);
        else if (this.#ended) return undefined;
        else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #end(error: NodeJS.ErrnoException | undefined): void {
    this.#error ??= error;
    this.#ended = true;
    this.#wake?.();
  }
}

function parseFields(lines: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    fields[name] = name in fields ? `${fields[name]}, ${value}` : value;
  }
  return fields;
}

/** One connection, one request written as it is, its first final response, and whether the connection then ends. */
export async function exchangeRaw(port: number, bytes: string, method = "GET"): Promise<RawResponse> {
  await using connection = await RawConnection.open(port);
  connection.write(bytes);
  return await connection.response(method);
}
