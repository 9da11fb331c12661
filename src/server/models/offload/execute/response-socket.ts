/**
 * `req.socket` and `res.socket` of a handler on a handler thread. What the handler's ServerResponse writes to it goes to the
 * serving thread, which sends it to the client.
 *
 * There is one for each request, so state that an app keeps on a socket can't reach another client.
 *
 * Invariants
 * - Bytes leave in the order they were written, at the latest in the next tick. The end of a response leaves before
 *   `res.end()` returns, so a handler may block right after it.
 * - At most WINDOW_BYTES are on their way to a client that does not read. After that, writes wait, as on a full socket.
 */

import { Duplex } from "node:stream";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Server } from "node:net";
import { timerMs } from "../../../../kit/native-timers.ts";
import { tlsFields } from "../../../../platform/client-tls.ts";
import { holdBack } from "../../../../platform/node-internals/http-channels.ts";
import {
  endConnectionWith,
  endsConnection,
  forgetNeedDrain,
  onceWritten,
} from "../../../../platform/node-internals/responses.ts";
import { exact, type Endpoints, type FromHandler, type Part } from "../shared/offload-protocol.ts";

const WINDOW_BYTES = 256 * 1024;

type Callback = (error?: Error | null) => void;

export class ResponseSocket extends Duplex {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly remoteFamily: string | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly localFamily: string | undefined;
  readonly connecting = false;
  readonly pending = false;
  /** The app's own, if it has one: as under `node`, where it has the connection. */
  server: Server | undefined;
  bytesRead = 0;
  bytesWritten = 0;
  timeout = 0;
  /** The client already has its answer from heddle: later writes are dropped. */
  muted = false;
  readonly #seq: number;
  readonly #tell: (message: FromHandler) => void;
  #req: IncomingMessage | undefined;
  #res: ServerResponse | undefined;
  #parts: Part[] = [];
  #encoding: BufferEncoding = "utf8";
  #unacknowledged = 0;
  #blocked: Callback | undefined;
  #ticking = false;
  #ending = false;
  /** It is destroyed as soon as what was written has left. */
  #closesSoon = false;
  #ended = false;
  #idle: NodeJS.Timeout | undefined;

  constructor(seq: number, endpoints: Endpoints, tell: (message: FromHandler) => void) {
    super({ decodeStrings: false, allowHalfOpen: true, emitClose: true });
    this.#seq = seq;
    this.#tell = tell;
    holdBack(this);
    this.remoteAddress = endpoints.remoteAddress;
    this.remotePort = endpoints.remotePort;
    this.remoteFamily = endpoints.remoteFamily;
    this.localAddress = endpoints.localAddress;
    this.localPort = endpoints.localPort;
    this.localFamily = endpoints.remoteFamily;
    if (endpoints.tls !== undefined) Object.assign(this, tlsFields(endpoints.tls));
  }

  carry(req: IncomingMessage, res: ServerResponse): void {
    this.#req = req;
    this.#res = res;
    // node:http's server does this for its own connections.
    this.on("drain", () => {
      if (!res.writableNeedDrain) return;
      forgetNeedDrain(res);
      res.emit("drain");
    });
    onceWritten(res, () => {
      this.#ending = true;
      this.#flush();
    });
  }

  /** The response's last write was called back, perhaps before its end has left. It leaves now. */
  complete(): void {
    clearTimeout(this.#idle);
    if (!this.#ended) this.#send(true);
  }

  /** This many bytes of the request's body have come. */
  received(bytes: number): void {
    this.bytesRead += bytes;
    this.#idle?.refresh();
  }

  /** The client has taken this many bytes. */
  credit(bytes: number): void {
    this.#idle?.refresh();
    this.#unacknowledged = Math.max(0, this.#unacknowledged - bytes);
    if (this.#unacknowledged < WINDOW_BYTES) this.#unblock();
  }

  mute(): void {
    this.muted = true;
    this.#parts = [];
    this.#unblock();
  }

  /** Does what node:http's server does. */
  #fallIdle(): void {
    const req = this.#req!;
    const isHeardByRequest = !req.complete && req.emit("timeout", this);
    const isHeardByResponse = this.#res!.emit("timeout", this);
    this.emit("timeout");
    if (!isHeardByRequest && !isHeardByResponse) this.destroy();
  }

  #unblock(): void {
    const blocked = this.#blocked;
    this.#blocked = undefined;
    blocked?.();
    if (this.#ending) this.#flush();
  }

  override _read(): void {}

  override _write(chunk: Part, encoding: BufferEncoding, callback: Callback): void {
    this.#take(chunk, encoding);
    this.#settle(callback);
  }

  override _writev(chunks: { chunk: Part; encoding: BufferEncoding }[], callback: Callback): void {
    for (const { chunk, encoding } of chunks) this.#take(chunk, encoding);
    this.#settle(callback);
  }

  /** The app has ended the connection itself, in the middle of its response: the client gets no more than what was written. */
  override _final(callback: Callback): void {
    callback();
    if (this.#ending || this.#closesSoon) return;
    this.#flush();
    this.destroy();
  }

  override _destroy(error: Error | null, callback: Callback): void {
    clearTimeout(this.#idle);
    if (!this.#ended && !this.muted) this.#tell({ type: "destroyed", seq: this.#seq });
    callback(error);
  }

  #take(chunk: Part, encoding: BufferEncoding): void {
    this.bytesWritten += typeof chunk === "string" ? Buffer.byteLength(chunk, encoding) : chunk.length;
    if (this.muted || chunk.length === 0) return;
    if (typeof chunk === "string") {
      const known = encoding === "latin1" || encoding === "utf8" || encoding === "ascii" ? encoding : undefined;
      const last = this.#parts.length - 1;
      const before = this.#parts[last];
      if (known === undefined) {
        this.#parts.push(new Uint8Array(Buffer.from(chunk, encoding)));
      } else if (typeof before === "string" && known === this.#encoding) {
        this.#parts[last] = before + chunk;
      } else {
        if (known !== this.#encoding && this.#parts.length > 0) this.#send(false);
        this.#encoding = known;
        this.#parts.push(chunk);
      }
    } else {
      this.#parts.push(exact(chunk));
    }
  }

  #settle(callback: Callback): void {
    this.#idle?.refresh();
    // An interim response goes in its own message: it must be distinguished from the head.
    if (!this.#ticking && !(this.#res?.headersSent ?? false)) this.#send(false);
    // Before the callback, which also runs in the next tick: after it, the app may overwrite what it wrote.
    this.#schedule();
    if (this.#unacknowledged < WINDOW_BYTES || this.muted) callback();
    else this.#blocked = callback;
  }

  #schedule(): void {
    if (this.#ticking || this.#parts.length === 0) return;
    this.#ticking = true;
    process.nextTick(() => {
      this.#ticking = false;
      this.#flush();
    });
  }

  #flush(): void {
    const ends = this.#ending && this.#blocked === undefined && this.writableLength === 0;
    if (this.#ended || (this.#parts.length === 0 && !ends)) return;
    this.#send(ends);
  }

  #send(ends: boolean): void {
    const parts = this.#parts;
    this.#parts = [];
    if (ends) this.#ended = true;
    if (this.muted || (parts.length === 0 && !ends)) return;
    const res = this.#res!;
    for (const part of parts) this.#unacknowledged += part.length;
    const { headersSent } = res;
    this.#tell({
      type: "write",
      seq: this.#seq,
      parts,
      encoding: this.#encoding,
      kind: headersSent ? "response" : "informational",
      status: headersSent ? res.statusCode : interimStatus(parts),
      keepsAlive: !endsConnection(res),
      ends,
    });
  }

  // Of net.Socket, what apps use. The real connection is the serving thread's.
  get readyState(): "open" | "readOnly" | "writeOnly" | "closed" {
    if (this.readable) return this.writable ? "open" : "readOnly";
    return this.writable ? "writeOnly" : "closed";
  }
  get bufferSize(): number {
    return this.writableLength;
  }
  /** What its client has not taken by now, it does not get. */
  resetAndDestroy(): this {
    return this.destroy();
  }
  /** Ends the connection when what was written has left. */
  destroySoon(): void {
    const res = this.#res!;
    if (!res.headersSent || this.destroyed) {
      this.destroy();
      return;
    }
    endConnectionWith(res);
    this.#closesSoon = true;
    const close = (): void => {
      this.complete();
      this.destroy();
    };
    if (this.writable) this.end();
    if (this.writableFinished) close();
    else this.once("finish", close);
  }
  /** Like net.Socket's: `timeout` is emitted after this much silence in both directions. Capped at a timer's longest delay. */
  setTimeout(ms: number, callback?: () => void): this {
    if (!(ms >= 0 && ms !== Infinity)) throw outOfRange(ms);
    this.timeout = ms;
    clearTimeout(this.#idle);
    this.#idle = ms > 0 ? setTimeout(() => this.#fallIdle(), timerMs(ms)).unref() : undefined;
    if (callback === undefined) return this;
    return ms > 0 ? this.once("timeout", callback) : this.off("timeout", callback);
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  address(): { address: string | undefined; port: number | undefined; family: string | undefined } {
    return { address: this.localAddress, port: this.localPort, family: this.localFamily };
  }
}

/** The error a net.Socket throws. */
function outOfRange(ms: unknown): RangeError {
  const message = `The value of "msecs" is out of range. It must be a non-negative finite number. Received ${String(ms)}`;
  return Object.assign(new RangeError(message), { code: "ERR_OUT_OF_RANGE" });
}

/** `HTTP/1.1 103 Early Hints` … */
function interimStatus([first]: readonly Part[]): number {
  return typeof first === "string" ? Number(first.slice(9, 12)) : 100;
}
