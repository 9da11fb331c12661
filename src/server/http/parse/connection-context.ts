/**
 * The state of one connection, reachable from any code that runs for it. It is an AsyncLocalStorage context: entered once,
 * when the connection is adopted, and inherited by every callback of its parser and every later await.
 *
 * The blocked-loop report and the report of an uncaught exception read it to name the request that the running code belongs
 * to. HTTP/1.1 answers one request of a connection at a time. Of pipelined requests, the latest is named.
 *
 * Rejected: a context per request. It allocates a map for each request. A context per connection costs requests nothing.
 * nothing.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { IncomingMessage } from "node:http";
import type { ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { ClientState, Moment } from "../admit/client-watch.ts";
import type { Exchange } from "../exchange.ts";
import type { Hop } from "../sticky/hop.ts";
import type { Linked } from "../../../kit/linked-list.ts";
import type { PipelinedState, Waiting } from "./pipelining-order.ts";

export class ConnectionContext implements Linked<ConnectionContext>, PipelinedState, ClientState {
  readonly socket: Socket;
  /** The stream that carries HTTP: the socket itself, or the TLS socket around it. */
  stream: Socket;
  /** performance.now() since when its TLS handshake lasts, if the app's server does it. 0: it is over, or not there. */
  handshakeSinceMs = 0;
  /** It carries HTTP/2: own-server/streams.ts. */
  session: ServerHttp2Session | undefined = undefined;
  /** The latest request with a body. */
  latestBody: IncomingMessage | undefined = undefined;
  previous: ConnectionContext | undefined = undefined;
  next: ConnectionContext | undefined = undefined;
  /** The exchange in progress. Cleared at its end: ten thousand idle connections must not hold ten thousand requests. */
  current: Exchange | undefined = undefined;
  /** Exchanges that have not ended. More than one when the client pipelines. */
  active = 0;
  running = 0;
  latestBegun: Exchange | undefined = undefined;
  latestQueued: Exchange | undefined = undefined;
  waiting: Waiting[] | undefined = undefined;
  /** Set by a request that takes the connection out of HTTP, or offers to. Runs when all earlier answers are out. */
  afterAnswers: (() => void) | undefined = undefined;
  /** An upgrade request that nobody takes. Kept until its bytes are parsed again. */
  declined: IncomingMessage | undefined = undefined;
  /** A part of what follows its latest request is lost, so none of it may be run. */
  losesInput = false;
  requested: Moment = { ms: 0, looks: 0 };
  stalledSinceMs = 0;
  takenBytes = 0;
  halfClosedSinceMs = 0;
  hasLeft = false;
  /** Requests so far. */
  requests = 0;
  /** It closes after a response that is already due. A later request is not run, because it could not be answered. */
  closing = false;
  /** Its input is refused when the earlier answers are out. That ends the connection, unless an earlier answer does. */
  refusesInTurn = false;
  /** Bytes came after the last request that is answered. */
  hasMore = false;
  /** Called when its last answer is out, and it only has to close. `hasRest`: the request's body was not read to the end. */
  onLastAnswer: ((hasRest: boolean) => void) | undefined = undefined;
  /** The listeners of its socket's `close` and of its stream's `end`. */
  onClose: (() => void) | undefined = undefined;
  onEnd: (() => void) | undefined = undefined;
  /** The thread's row no longer counts it. */
  released = false;
  /** Connections to other instances that run requests of this one: http/sticky. */
  hops: Set<Hop> | undefined = undefined;
  /** It is such a connection, of another instance. */
  readonly isHop: boolean;
  /** performance.now() since when it waits for its next request. 0: before its first, during one, and after an upgrade. */
  idleSinceMs = 0;
  /** Bytes it had received when the sweep first saw it idle. If it has more now, a request is on its way. */
  bytesWhenIdle = -1;

  constructor(socket: Socket, isHop: boolean = false) {
    this.socket = socket;
    this.stream = socket;
    this.isHop = isHop;
    // The instance that has the client counts its connection.
    this.released = isHop;
  }

  /** One request fewer in progress. After the last, it waits for the next, or leaves HTTP. */
  leave(nowMs: number): void {
    if (--this.active > 0) return;
    const next = this.afterAnswers;
    if (next === undefined) {
      this.idleSinceMs = nowMs;
      // What it has received by now belongs to its requests so far.
      this.bytesWhenIdle = -1;
      // Set by the app, for a request that is over. node:http replaces it by the keep-alive in the same way.
      if (this.stream.timeout) this.stream.setTimeout(0);
      return;
    }
    this.afterAnswers = undefined;
    next();
  }
}

/**
 * The key under which a socket holds its connection, for events that node:http's parser does not emit: they lack the context.
 */
export const connectionOf: unique symbol = Symbol("heddle.connection");

export interface CarriesConnection {
  [connectionOf]?: ConnectionContext | undefined;
}

export const connectionContext: AsyncLocalStorage<ConnectionContext> = new AsyncLocalStorage();
