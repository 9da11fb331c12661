/**
 * What one connection is doing, reachable from any code that runs for it: an AsyncLocalStorage context that is entered
 * once, when the connection is adopted, and inherited by every callback of its parser and every await after that.
 *
 * It tells whoever looks (the blocked-loop report, an uncaught exception) which request the running code belongs to, also
 * after an await. HTTP/1.1 answers one request of a connection at a time; of pipelined ones the latest is named.
 *
 * Rejected: a context per request, the obvious way: it allocates a map for each request, one per connection costs requests
 * nothing.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { ClientState, Moment } from "../admit/client-watch.ts";
import type { Exchange } from "../exchange.ts";
import type { Linked } from "../../../kit/linked-list.ts";
import type { PipelinedState, Waiting } from "./pipelining-order.ts";

export class ConnectionContext implements Linked<ConnectionContext>, PipelinedState, ClientState {
  readonly socket: Socket;
  /** What HTTP is spoken on: the socket itself, or the TLS socket around it. */
  stream: Socket;
  /** The latest request with a body. */
  latestBody: IncomingMessage | undefined = undefined;
  previous: ConnectionContext | undefined = undefined;
  next: ConnectionContext | undefined = undefined;
  /** The exchange in progress. Not kept longer: ten thousand idle connections must not hold ten thousand requests. */
  current: Exchange | undefined = undefined;
  /** Exchanges that have not ended; more than one when the client pipelines. */
  active = 0;
  running = 0;
  latestBegun: Exchange | undefined = undefined;
  waiting: Waiting[] | undefined = undefined;
  /** For a request that takes the connection out of HTTP, or offered to: it waits for the answers before it. */
  afterAnswers: (() => void) | undefined = undefined;
  /** An upgrade that nobody takes up, until it is read once more. */
  declined: IncomingMessage | undefined = undefined;
  /** What comes behind its latest request is lost in part, so none of it may be run. */
  losesInput = false;
  requested: Moment = { ms: 0, looks: 0 };
  stalledSinceMs = 0;
  takenBytes = 0;
  halfClosedSinceMs = 0;
  /** Requests so far. */
  requests = 0;
  /** It closes after a response that is due already: a request that still comes is not run, because nobody could be told. */
  closing = false;
  /** What came behind its latest request is refused when the answers before are out, and ends it; unless one of them does. */
  refusesInTurn = false;
  /** Something came behind the last request that is answered. */
  hasMore = false;
  /** For whom it matters: its last answer is out, and all that is left is to close it. `hasRest`: its body was not read to the end. */
  onLastAnswer: ((hasRest: boolean) => void) | undefined = undefined;
  /** The thread's row does not count it any more. */
  released = false;
  /** performance.now() since when it waits for its next request; 0 before its first, during one, and after an upgrade. */
  idleSinceMs = 0;
  /** Bytes it had received when the sweep first saw it idle: more since means that a request is on its way. */
  bytesWhenIdle = -1;

  constructor(socket: Socket) {
    this.socket = socket;
    this.stream = socket;
  }

  /** One request fewer in progress; after the last it waits for the next, or leaves HTTP. */
  leave(nowMs: number): void {
    if (--this.active > 0) return;
    const next = this.afterAnswers;
    if (next === undefined) {
      this.idleSinceMs = nowMs;
      return;
    }
    this.afterAnswers = undefined;
    next();
  }
}

/**
 * Where a socket carries its connection, for events that node:http emits outside of the context: all of those that are not its parser's.
 */
export const connectionOf: unique symbol = Symbol("heddle.connection");

export interface CarriesConnection {
  [connectionOf]?: ConnectionContext;
}

export const connectionContext: AsyncLocalStorage<ConnectionContext> = new AsyncLocalStorage();
