/**
 * Keeps N requests in flight: each client sends its next request when the last one is answered. Their pace is the server's.
 *
 * A latency counts from the send. Clients begin one after the other, so that their connections fit into a listening socket's
 * backlog. After a connection failed, its client pauses, so that a server that is down does not count as many failures as a loop
 * can make.
 */
import { Connection, type ConnectionOwner, type Failure } from "../http/connection.ts";
import { canRepeat, type LoopOptions, type RunningLoop } from "./loop.ts";

export interface ClosedLoopOptions extends LoopOptions {
  readonly concurrency: number;
  /** Clients begin evenly spread over this time. Default: 64 in each millisecond. */
  readonly rampMs?: number;
  /** How long a client rests after a good answer. Default 0. */
  readonly restMs?: number;
  /** How long a client rests after a bad answer. Default 0. */
  readonly pauseAfterBadMs?: number;
  /** How long a client rests after its connection failed. Default 50. */
  readonly pauseAfterFailureMs?: number;
}

const BEGIN_PER_MS = 64;
const PAUSE_AFTER_FAILURE_MS = 50;

export class ClosedLoop implements RunningLoop, ConnectionOwner {
  readonly #options: ClosedLoopOptions;
  readonly #connections = new Set<Connection>();
  readonly #resting = new Set<NodeJS.Timeout>();
  readonly #drained = Promise.withResolvers<void>();
  #stopping = false;

  constructor(options: ClosedLoopOptions) {
    this.#options = options;
    const { concurrency, rampMs = Math.floor(concurrency / BEGIN_PER_MS) } = options;
    for (let client = 0; client < concurrency; client++) this.#rest(Math.floor((client * rampMs) / concurrency));
  }

  timeOut(nowMs: number): void {
    const { timeoutMs } = this.#options;
    for (const connection of this.#connections) {
      if (connection.busy && nowMs - connection.sinceMs > timeoutMs) connection.timeOut(`no answer in ${timeoutMs} ms`);
    }
  }

  drain(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#resting) clearTimeout(timer);
    this.#resting.clear();
    for (const connection of this.#connections) if (!connection.busy) this.#close(connection);
    this.#endIfDrained();
    return this.#drained.promise;
  }

  close(nowMs: number): void {
    void this.drain();
    for (const connection of this.#connections) {
      this.#options.window.closed(connection.sinceMs, nowMs, "timeout");
      connection.close();
    }
    this.#connections.clear();
    this.#drained.resolve();
  }

  answered(connection: Connection): void {
    const { window, requests, keepAlive, restMs = 0, pauseAfterBadMs = 0, onCounted } = this.#options;
    const now = performance.now();
    const { status } = connection.response;
    const isGood = requests[connection.request]!.good[status] === 1;
    if (window.closed(connection.sinceMs, now, isGood ? undefined : String(status))) onCounted?.(connection.response);
    const pauseMs = isGood ? restMs : pauseAfterBadMs;
    if (this.#stopping) this.#close(connection);
    else if (pauseMs > 0) this.#rest(pauseMs, connection);
    else if (keepAlive && connection.usable) this.#send(connection, this.#options.deck.deal(), now);
    else {
      this.#close(connection);
      this.#sendNew(this.#options.deck.deal(), now);
    }
  }

  failed(connection: Connection, failure: Failure): void {
    this.#connections.delete(connection);
    if (canRepeat(connection, failure, this.#options.requests[connection.request]!)) {
      this.#options.window.repeated(performance.now());
      if (this.#stopping) this.#endIfDrained();
      else this.#sendNew(connection.request, connection.sinceMs);
      return;
    }
    this.#options.window.closed(connection.sinceMs, performance.now(), failure);
    if (this.#stopping) this.#endIfDrained();
    else this.#rest(this.#options.pauseAfterFailureMs ?? PAUSE_AFTER_FAILURE_MS);
  }

  /** The client's next request follows then: on its connection, if it has one. */
  #rest(ms: number, connection?: Connection): void {
    if (ms === 0) return this.#sendNew(this.#options.deck.deal(), performance.now());
    const timer = setTimeout(() => {
      this.#resting.delete(timer);
      const request = this.#options.deck.deal();
      if (connection?.usable === true && this.#options.keepAlive) {
        this.#send(connection, request, performance.now());
        return;
      }
      if (connection !== undefined) this.#close(connection);
      this.#sendNew(request, performance.now());
    }, ms);
    this.#resting.add(timer);
  }

  #sendNew(request: number, sinceMs: number): void {
    const connection = new Connection(this.#options.target, this, this.#options.keepBytes);
    this.#connections.add(connection);
    this.#send(connection, request, sinceMs);
  }

  #send(connection: Connection, index: number, sinceMs: number): void {
    const request = this.#options.requests[index]!;
    connection.request = index;
    connection.sinceMs = sinceMs;
    connection.send(request.bytes, request.isHead);
  }

  #close(connection: Connection): void {
    connection.close();
    this.#connections.delete(connection);
    if (this.#stopping) this.#endIfDrained();
  }

  #endIfDrained(): void {
    if (this.#connections.size === 0) this.#drained.resolve();
  }
}
