/** One client connection: sends a request, and reports how its answer ended. One request at a time. */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Failure } from "./report.ts";
import { MalformedResponse, ResponseParser } from "./response-parser.ts";

export interface HttpRequest {
  /** The head, and the body unless it is sent in pieces. */
  readonly bytes: string;
  /** Pieces of the body, sent one by one. */
  readonly pieces?: { readonly count: number; readonly bytes: string; readonly everyMs: number };
}

export type Answer =
  | { readonly complete: true; readonly response: ResponseParser }
  | { readonly complete: false; readonly failure: Failure; readonly started: boolean; readonly detail: string };

/** Errors that show this side's limits, not the server's. */
const OWN_FAULTS = new Set(["EADDRNOTAVAIL", "EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]);

interface Pending {
  readonly parser: ResponseParser;
  readonly settle: (answer: Answer) => void;
}

export class Connection {
  /** Requests answered so far: from the second on the connection counts as reused. */
  answered = 0;
  /** The worker that answered last, as the server says. */
  worker = "";
  readonly #socket: Socket;
  #pending: Pending | undefined;
  #connected = false;
  #over = false;
  #error: NodeJS.ErrnoException | undefined;

  constructor(host: string, port: number) {
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.on("connect", () => {
      this.#connected = true;
    });
    this.#socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    this.#socket.on("error", (error) => {
      this.#error = error;
    });
    this.#socket.on("end", () => this.#onEnd());
    this.#socket.on("close", () => this.#onEnd());
  }

  get usable(): boolean {
    return !this.#over;
  }

  get busy(): boolean {
    return this.#pending !== undefined;
  }

  request(request: HttpRequest, timeoutMs: number): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const timer = setTimeout(() => this.#fail("timeout", `nothing complete after ${timeoutMs} ms`), timeoutMs);
    const parser = new ResponseParser();
    const settle = (answer: Answer): void => {
      clearTimeout(timer);
      this.#pending = undefined;
      resolve(answer);
    };
    const pending = { parser, settle };
    this.#pending = pending;
    if (this.#over) {
      this.#onEnd();
      return promise;
    }
    this.#socket.write(request.bytes, "latin1");
    if (request.pieces !== undefined) void this.#sendPieces(request.pieces, pending);
    return promise;
  }

  close(): void {
    this.#over = true;
    this.#socket.destroy();
  }

  async #sendPieces(pieces: NonNullable<HttpRequest["pieces"]>, sender: Pending): Promise<void> {
    for (let sent = 0; sent < pieces.count; sent++) {
      // Answered before the body was complete, or cut off: the rest is not sent.
      if (this.#pending !== sender || this.#over) return;
      this.#socket.write(pieces.bytes, "latin1");
      if (sent < pieces.count - 1) await sleep(pieces.everyMs);
    }
  }

  #onData(chunk: Buffer): void {
    const pending = this.#pending;
    // Unrequested bytes, such as a 408 before an idle connection closes: do not send on this connection any more.
    if (pending === undefined) return this.close();
    try {
      pending.parser.push(chunk);
    } catch (error) {
      if (!(error instanceof MalformedResponse)) throw error;
      return this.#fail("malformed", error.message);
    }
    if (pending.parser.done) this.#complete(pending);
  }

  #complete({ parser, settle }: Pending): void {
    this.answered++;
    this.worker = parser.worker;
    if (!parser.keepAlive) this.close();
    settle({ complete: true, response: parser });
  }

  #onEnd(): void {
    this.#over = true;
    const pending = this.#pending;
    if (pending === undefined) return;
    pending.parser.end();
    if (pending.parser.done) return this.#complete(pending);
    const code = this.#error?.code ?? "closed";
    if (OWN_FAULTS.has(code)) this.#fail("generator", code);
    else if (!this.#connected && code === "ECONNREFUSED") this.#fail("refused", code);
    else if (!this.#connected && code === "ETIMEDOUT") this.#fail("timeout", code);
    else this.#fail(pending.parser.started ? "cut" : "reset", code);
  }

  #fail(failure: Failure, detail: string): void {
    const pending = this.#pending;
    this.close();
    pending?.settle({ complete: false, failure, started: pending.parser.started, detail });
  }
}
