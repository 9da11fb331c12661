/**
 * Keeps N requests in flight: each connection sends its next request when the last one is answered. Its pace is the server's.
 *
 * A latency counts from the send. After a connection failed, its client rests, so that a server that is down does not count as
 * many failures as a loop can make.
 */
import { Connection, type ConnectionOwner, type Failure } from "./connection.ts";
import { canRepeat, type LoopOptions, type RunningLoop } from "./loop.ts";
import type { ReadyRequest } from "./request-bytes.ts";

const PAUSE_AFTER_FAILURE_MS = 50;

export class ClosedLoop implements RunningLoop, ConnectionOwner {
  readonly #options: LoopOptions;
  readonly #connections = new Set<Connection>();
  readonly #drained = Promise.withResolvers<void>();
  #resting = new Set<NodeJS.Timeout>();
  #stopping = false;

  constructor(options: LoopOptions, concurrency: number) {
    this.#options = options;
    for (let client = 0; client < concurrency; client++) this.#sendNew(this.#next(), performance.now());
  }

  timeOut(nowMs: number): void {
    const { timeoutMs } = this.#options;
    for (const connection of this.#connections) {
      if (connection.busy && nowMs - connection.sinceMs > timeoutMs) connection.timeOut(`no answer in ${timeoutMs} ms`);
    }
  }

  /** Sends nothing more. Resolves when every answer has come. */
  drain(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#resting) clearTimeout(timer);
    this.#resting.clear();
    for (const connection of this.#connections) if (!connection.busy) this.#close(connection);
    this.#endIfDrained();
    return this.#drained.promise;
  }

  close(nowMs: number): void {
    for (const connection of this.#connections) {
      if (connection.busy) this.#options.window.closed(connection.sinceMs, nowMs);
      connection.close();
    }
    this.#connections.clear();
    this.#drained.resolve();
  }

  answered(connection: Connection): void {
    const { window, requests, keepAlive } = this.#options;
    const now = performance.now();
    const { status } = connection.response;
    const isGood = requests[connection.request]!.good[status] === 1;
    window.closed(connection.sinceMs, now, isGood ? undefined : String(status));
    if (this.#stopping) this.#close(connection);
    else if (keepAlive && connection.usable) this.#send(connection, this.#next(), now);
    else {
      this.#close(connection);
      this.#sendNew(this.#next(), now);
    }
  }

  failed(connection: Connection, failure: Failure): void {
    const request = this.#options.requests[connection.request]!;
    this.#connections.delete(connection);
    if (!this.#stopping && canRepeat(connection, failure, request)) {
      this.#sendNew(connection.request, connection.sinceMs);
      return;
    }
    this.#options.window.closed(connection.sinceMs, performance.now(), failure);
    if (this.#stopping) return this.#endIfDrained();
    const timer = setTimeout(() => {
      this.#resting.delete(timer);
      this.#sendNew(this.#next(), performance.now());
    }, PAUSE_AFTER_FAILURE_MS);
    this.#resting.add(timer);
  }

  #next(): number {
    return this.#options.deck.deal();
  }

  #sendNew(request: number, sinceMs: number): void {
    const connection = new Connection(this.#options.target, this);
    this.#connections.add(connection);
    this.#send(connection, request, sinceMs);
  }

  #send(connection: Connection, index: number, sinceMs: number): void {
    const request: ReadyRequest = this.#options.requests[index]!;
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
