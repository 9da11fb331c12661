/**
 * One request that another instance runs, on the side of the instance that has its client. The request goes there as it came,
 * and the response comes back as the bytes for the client.
 *
 *   sent (the head) → taken → the body goes, the response comes → both are complete → the hop is free
 *        └ the hop ended before: nothing was run, so it runs here (`here`)
 *
 * Invariants
 * - Nothing of the body is read before the hop is taken. So a request that runs here after all has all of it.
 * - A hop is used again only if request and response were complete. Else it is closed, which tells the other side that the
 *   client has left.
 * - If the other side ends within a response or before it, so does the client's connection, as if the client had been connected
 *   there: its app has cut it, or its process was killed. The request is not tried again: it may have been what ended the process.
 */

import type { ServerResponse } from "node:http";
import { sayingClose } from "../../app/last-answer-head.ts";
import { isEventStream } from "../../app/called-off.ts";
import { markRead } from "../../../platform/node-internals/requests.ts";
import {
  declareHead,
  endConnectionWith,
  keepsConnection,
  markContinued,
  writeRaw,
} from "../../../platform/node-internals/responses.ts";
import { thisMoment } from "../admit/client-watch.ts";
import type { Exchange } from "../exchange.ts";
import type { Hop, HopUser } from "./hop.ts";
import { requestHead } from "./request-head.ts";
import { type ResponseHead, type ResponseParts, ResponseSplitter } from "./response-splitter.ts";

const LAST_CHUNK = "0\r\n\r\n";

export interface ForwardedOptions {
  /** It has not run, and is to run on this instance. */
  readonly here: () => void;
  /** The other instance lives, so a drain of this one does not end what it sends. */
  readonly outlives: () => boolean;
}

export class ForwardedExchange implements HopUser, ResponseParts {
  readonly #exchange: Exchange;
  readonly #hop: Hop;
  readonly #options: ForwardedOptions;
  readonly #splitter: ResponseSplitter;
  #head: ResponseHead | undefined;
  #isBodySent = false;
  #hasClientEnded = false;
  #isReading = false;
  #isAnswered = false;
  #isOver = false;
  /** This instance drains, and the event stream ends between two chunks. */
  #endsSoon = false;

  constructor(exchange: Exchange, hop: Hop, options: ForwardedOptions) {
    this.#exchange = exchange;
    this.#hop = hop;
    this.#options = options;
    this.#splitter = new ResponseSplitter(exchange.req.method!, this);
  }

  send(): void {
    const exchange = this.#exchange;
    exchange.state = "forwarded";
    exchange.onAbort = () => this.#aborted();
    exchange.onEnded = () => {
      if (!this.#isAnswered) this.#drop();
    };
    this.#hop.use(this);
    // Its earlier requests had to be answered first.
    if (exchange.connection.halfClosedSinceMs !== 0) this.#hop.clientEnded();
    this.#hop.send(requestHead(exchange.req));
    if (this.#hop.isTaken) this.taken();
  }

  taken(): void {
    const { req, body } = this.#exchange;
    if (body === undefined) {
      this.#isBodySent = true;
      // Its handler begins now: a client that ends its side by then has ended it with its request.
      this.#exchange.connection.requested = thisMoment();
      this.#passOnEnd();
      return;
    }
    this.#isReading = true;
    this.#exchange.isReadElsewhere = true;
    // Otherwise node:http drops what is left of it at the end of the response.
    markRead(req);
    req.on("data", this.#sendChunk);
    req.once("end", this.#sendEnd);
    req.once("close", () => {
      if (!this.#isBodySent) this.#drop();
    });
    req.resume();
  }

  readonly #sendChunk = (chunk: Buffer): void => {
    const { socket } = this.#hop;
    let flowing: boolean;
    if (this.#isChunked) {
      socket.cork();
      socket.write(`${chunk.length.toString(16)}\r\n`, "latin1");
      socket.write(chunk);
      flowing = socket.write("\r\n", "latin1");
      socket.uncork();
    } else flowing = socket.write(chunk);
    if (!flowing) this.#exchange.req.pause();
  };

  readonly #sendEnd = (): void => {
    const { rawTrailers } = this.#exchange.req;
    if (this.#isChunked) {
      let text = "0\r\n";
      for (let i = 0; i < rawTrailers.length; i += 2) text += `${rawTrailers[i]}: ${rawTrailers[i + 1]}\r\n`;
      this.#hop.socket.write(`${text}\r\n`, "latin1");
    }
    this.#isBodySent = true;
    this.#stopReading();
    this.#passOnEnd();
    if (this.#isAnswered) this.#finish();
  };

  clientEnded(): void {
    this.#hasClientEnded = true;
    this.#passOnEnd();
  }

  #passOnEnd(): void {
    if (this.#hasClientEnded && this.#isBodySent && !this.#isOver) this.#hop.socket.end();
  }

  get #isChunked(): boolean {
    return this.#exchange.req.headers["transfer-encoding"] !== undefined;
  }

  drained(): void {
    if (this.#isReading) this.#exchange.req.resume();
  }

  received(bytes: Buffer): void {
    const { res, refusal } = this.#exchange;
    if (refusal !== undefined || res.destroyed || this.#isAnswered) return this.#drop();
    try {
      const rest = this.#splitter.push(bytes);
      if (rest.length > 0) this.#hop.destroy();
    } catch {
      this.#broke();
    }
    if (this.#endsSoon && !this.#isAnswered) this.#endStream();
  }

  interim(status: number, text: string): void {
    const { res } = this.#exchange;
    writeRaw(res, text, "latin1");
    if (status === 100) markContinued(res);
  }

  head(head: ResponseHead): void {
    const { res, connection } = this.#exchange;
    this.#head = head;
    res.statusCode = head.status;
    // Not `connection.closing`: a later request on the connection may be its last.
    const keepsAlive = head.keepsAlive && keepsConnection(res);
    const text = head.keepsAlive && !keepsAlive ? sayingClose(head.text) : head.text;
    declareHead(res, text);
    if (!keepsAlive) {
      endConnectionWith(res);
      connection.closing = true;
    }
    this.#write(res, text);
  }

  body(bytes: Uint8Array): void {
    this.#write(this.#exchange.res, bytes);
  }

  end(): void {
    this.#isAnswered = true;
    this.#exchange.onAbort = undefined;
    const { keepsAlive } = this.#head!;
    if (!keepsAlive) this.#drop();
    else if (this.#isBodySent) this.#finish();
    this.#exchange.res.end();
  }

  #write(res: ServerResponse, data: string | Uint8Array): void {
    if (res.write(data, "latin1")) return;
    const { socket } = this.#hop;
    socket.pause();
    res.once("drain", () => {
      if (!this.#isOver) socket.resume();
    });
  }

  ended(): void {
    if (this.#isOver) return;
    const exchange = this.#exchange;
    const isOpen = exchange.state !== "ended" && exchange.refusal === undefined && !this.#isAnswered;
    if (!this.#hop.isTaken && isOpen) {
      this.#over();
      exchange.state = "received";
      exchange.onAbort = undefined;
      exchange.onEnded = undefined;
      this.#options.here();
    } else if (isOpen && !(this.#head !== undefined && this.#splitter.finish())) this.#broke();
    else this.#over();
  }

  /** The other side has broken off: its app cut the connection, or it died. */
  #broke(): void {
    this.#drop();
    this.#exchange.res.destroy();
  }

  /** The client has left, or heddle has answered, or this instance drains. */
  #aborted(): void {
    const exchange = this.#exchange;
    if (!exchange.calledOff) return this.#drop();
    if (!this.#options.outlives() || !isEventStream(exchange.res)) return;
    this.#endsSoon = true;
    this.#endStream();
  }

  /** Its client reconnects, and gets to an instance that stays. */
  #endStream(): void {
    const { res } = this.#exchange;
    const framing = this.#head?.framing;
    if (framing === "chunks") {
      if (!this.#splitter.isBetweenChunks) return;
      res.write(LAST_CHUNK, "latin1");
    }
    this.#isAnswered = true;
    this.#drop();
    if (framing === "length") res.destroy();
    else res.end();
  }

  #stopReading(): void {
    if (!this.#isReading) return;
    this.#isReading = false;
    this.#exchange.isReadElsewhere = false;
    this.#exchange.req.off("data", this.#sendChunk);
    this.#exchange.req.off("end", this.#sendEnd);
  }

  #over(): void {
    this.#isOver = true;
    this.#stopReading();
  }

  /** The hop can't be used again. */
  #drop(): void {
    if (this.#isOver) return;
    this.#over();
    this.#hop.destroy();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#over();
    this.#hop.release();
  }
}
