/**
 * One client connection: sends a request, and tells its owner how the answer ended. One request at a time.
 *
 * A TCP or Unix socket reads into one buffer that all connections share, without a stream between (`onread`): it is read to its
 * end before the next read. A TLS socket has no such option.
 */
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { count as counted } from "../../../errors/count.ts";
import { keptLookup } from "./addresses.ts";
import { MalformedResponse, ResponseParser } from "./response-parser.ts";

export interface Target {
  readonly host: string;
  readonly port: number;
  readonly tls?: boolean;
  /** The path of a Unix socket, in place of the address. `host` and `port` are then only the Host header. */
  readonly unix?: string;
}

/**
 * refused     no connection could be made: nobody listened
 * unknown     there is no such host
 * tls         TLS was not agreed on: a certificate that isn't trusted, a server that does not speak it, or none of HTTP/1.1
 * reset       the connection ended before the first byte of the answer
 * cut         the connection ended in the middle of the answer
 * timeout     no complete answer in time
 * malformed   bytes that are no HTTP response, or more of them than the response has
 * generator   this side's own fault: no file or port left
 */
export type Failure = "refused" | "unknown" | "tls" | "reset" | "cut" | "timeout" | "malformed" | "generator";

export interface ConnectionOwner {
  /** A complete answer: `connection.response` has it until the next request is sent. */
  answered(connection: Connection): void;
  /** The connection is of no use any more. `detail`: the error's code or text. */
  failed(connection: Connection, failure: Failure, detail: string): void;
  /** An idle connection has ended. */
  closed?(connection: Connection): void;
}

const NO_SUCH_HOST = new Set(["ENOTFOUND", "EAI_AGAIN"]);

/** Errors that show this side's limits, not the server's. */
const OWN_FAULTS = new Set(["EADDRNOTAVAIL", "EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]);

const lookupAddress = keptLookup();

const SWITCHING_PROTOCOLS = 101;
const READ_BYTES = 64 * 1024;
const shared = new Uint8Array(READ_BYTES);

export class Connection {
  readonly response: ResponseParser;
  /** Requests answered so far: from the second on the connection counts as reused. */
  answered = 0;
  /** For the owner: the request under way, and when it was sent or due (performance.now()). */
  request = 0;
  sinceMs = 0;
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  #busy = false;
  #connected = false;
  /** TCP's, before the handshake of TLS. */
  #reached = false;
  #over = false;
  #error: NodeJS.ErrnoException | undefined;

  /** `keepBytes`: see ResponseParser. */
  constructor(target: Target, owner: ConnectionOwner, keepBytes?: number) {
    this.#owner = owner;
    this.response = new ResponseParser(keepBytes);
    this.#socket = open(target, (bytes, count) => this.#onData(bytes, count));
    this.#socket.on("connect", () => {
      this.#reached = true;
      if (target.tls !== true) this.#connected = true;
    });
    this.#socket.on("secureConnect", () => {
      this.#connected = true;
    });
    this.#socket.on("error", (error) => {
      this.#error = error;
    });
    this.#socket.on("end", () => this.#onEnd());
    this.#socket.on("close", () => this.#onEnd());
  }

  /** Whether another request may be sent. */
  get usable(): boolean {
    return !this.#over;
  }

  get busy(): boolean {
    return this.#busy;
  }

  /** Sends a request, or its head and the beginning of its body. Before the connection is there the bytes wait. */
  send(bytes: Uint8Array, toHead = false): void {
    this.#busy = true;
    this.response.begin(toHead);
    this.#socket.write(bytes);
  }

  /** More of the body of the request under way. */
  sendMore(bytes: Uint8Array): void {
    if (this.#busy && !this.#over) this.#socket.write(bytes);
  }

  /** Ends the request under way as timed out. */
  timeOut(detail: string): void {
    this.#fail("timeout", detail);
  }

  /** The owner hears nothing more. */
  close(): void {
    this.#over = true;
    this.#busy = false;
    this.#socket.destroy();
  }

  #onData(bytes: Uint8Array, count: number): void {
    // Unrequested bytes, such as a 408 before an idle connection closes: nothing more is sent on this connection.
    if (!this.#busy) return this.#closeIdle();
    let used: number;
    try {
      used = this.response.push(bytes, count);
    } catch (error) {
      if (!(error instanceof MalformedResponse)) throw error;
      return this.#fail("malformed", error.message);
    }
    if (!this.response.done) return;
    // Behind a 101 another protocol begins.
    if (used < count && this.response.status !== SWITCHING_PROTOCOLS)
      return this.#fail("malformed", `${counted(count - used, "byte")} after the end of the response`);
    this.#complete();
  }

  #complete(): void {
    this.#busy = false;
    this.answered++;
    if (!this.response.keepAlive) this.close();
    this.#owner.answered(this);
  }

  #onEnd(): void {
    if (this.#busy) {
      this.#over = true;
      // RFC 9112 §8: a reset is no end of a body that ends with its connection.
      if (this.#error === undefined) this.response.end();
      if (this.response.done) return this.#complete();
      const code = this.#error?.code ?? "closed";
      if (OWN_FAULTS.has(code)) this.#fail("generator", code);
      else if (this.response.started) this.#fail("cut", code);
      else if (this.#connected || code === "ECONNRESET" || code === "closed") this.#fail("reset", code);
      else if (code === "ETIMEDOUT") this.#fail("timeout", code);
      else if (NO_SUCH_HOST.has(code)) this.#fail("unknown", code);
      else this.#fail(this.#reached ? "tls" : "refused", code);
    } else if (!this.#over) {
      this.#closeIdle();
    }
  }

  #closeIdle(): void {
    if (this.#over) return;
    this.close();
    this.#owner.closed?.(this);
  }

  #fail(failure: Failure, detail: string): void {
    const wasBusy = this.#busy;
    this.#busy = false;
    this.close();
    if (wasBusy) this.#owner.failed(this, failure, detail);
  }
}

function open(target: Target, onBytes: (bytes: Uint8Array, count: number) => void): Socket {
  const { host, port, unix } = target;
  const address = unix === undefined ? { host, port, lookup: lookupAddress } : { path: unix };
  if (target.tls === true) {
    const isLocal = unix !== undefined || /^(localhost|127\.[\d.]+|::1)$/.test(host);
    // A certificate for development is rarely valid, and this machine can be trusted to be itself.
    const trust = isLocal ? { rejectUnauthorized: false } : {};
    // A server of HTTP/2 alone refuses the handshake then. Without, Node's answers 403, as if it wanted a login.
    const offer = { ALPNProtocols: ["http/1.1"] };
    const socket = connectTls({ ...address, servername: isName(host) ? host : "", ...trust, ...offer });
    socket.setNoDelay(true);
    return socket.on("data", (chunk: Buffer) => onBytes(chunk, chunk.length));
  }
  const callback = (count: number, bytes: Uint8Array): boolean => {
    onBytes(bytes, count);
    return true;
  };
  return connect({ ...address, noDelay: true, onread: { buffer: shared, callback } });
}

/** RFC 6066 §3: an address is no server name. */
function isName(host: string): boolean {
  return !/^[\d.]+$|:/.test(host);
}
