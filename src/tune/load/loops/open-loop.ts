/**
 * Sends requests at a constant rate, whatever became of the earlier ones. A latency counts from when its request was due, so a
 * server that stalls pays for every request that had to wait (no coordinated omission).
 *
 * The schedule is absolute: request k is due at start + k / rate. When this loop itself was held up, it sends at once all that
 * became due, and counts them as late.
 *
 * A timer of Node's is up to a millisecond late, which is longer than many answers take. So the last two milliseconds before a send
 * are spent in turns of the event loop, which also bring answers. `spunMs` is the time of the turns in which nothing happened: it
 * is no work. Without a core of its own the generator must leave the CPU to the server, and sleeps.
 */
import { Connection, type ConnectionOwner, type Failure } from "../http/connection.ts";
import { canRepeat, type LoopOptions, type RunningLoop } from "./loop.ts";

const SPIN_MS = 2;
/** Later than this is late. Without spinning only what Node's timers don't explain. */
const LATE_MS = 1;
const LATE_ON_TIMERS_MS = 5;
export const DEFAULT_MAX_CONNECTIONS = 10_000;
/** Sent in one turn at most, so that answers are read between. */
const MOST_AT_ONCE = 256;

export interface OpenLoopOptions extends LoopOptions {
  /** Arrivals per second. */
  readonly rate: number;
  readonly maxConnections: number;
  readonly startMs: number;
  /** Whether it may use up a core while it waits for the next send. */
  readonly maySpin: boolean;
}

export class OpenLoop implements RunningLoop, ConnectionOwner {
  spunMs = 0;
  readonly #options: OpenLoopOptions;
  readonly #everyMs: number;
  readonly #lateMs: number;
  readonly #idle: Connection[] = [];
  readonly #busy = new Set<Connection>();
  readonly #drained = Promise.withResolvers<void>();
  /** Requests that are due but have no connection: the first is number #sent. */
  #sent = 0;
  /** Until then all connections were busy: what was due before is sent late by no fault of this loop. */
  #blockedUntilMs = 0;
  #isBlocked = false;
  #draining = false;
  /** Sends and answers so far, to tell turns in which something happened. */
  #events = 0;
  #lastTurn = { atMs: 0, events: 0 };
  #timer: NodeJS.Timeout | undefined;

  constructor(options: OpenLoopOptions) {
    this.#options = options;
    this.#everyMs = 1000 / options.rate;
    this.#lateMs = options.maySpin ? LATE_MS : LATE_ON_TIMERS_MS;
    this.#turn();
  }

  timeOut(nowMs: number): void {
    const { timeoutMs, window } = this.#options;
    for (const connection of this.#busy) {
      if (nowMs - connection.sinceMs > timeoutMs) connection.timeOut(`no answer in ${timeoutMs} ms`);
    }
    // These waited for a connection all the time.
    while (this.#dueAt(this.#sent) < Math.min(nowMs - timeoutMs, window.endMs)) {
      window.open(this.#dueAt(this.#sent++), nowMs, "timeout");
    }
  }

  /** Requests that were due within the window and still wait for a connection are sent. */
  drain(): Promise<void> {
    this.#draining = true;
    this.#endIfDrained();
    return this.#drained.promise;
  }

  close(nowMs: number): void {
    clearTimeout(this.#timer);
    const { window } = this.#options;
    while (this.#dueAt(this.#sent) < window.endMs) window.open(this.#dueAt(this.#sent++), nowMs, "timeout");
    for (const connection of this.#busy) {
      window.open(connection.sinceMs, nowMs, "timeout");
      connection.close();
    }
    this.#busy.clear();
    for (const connection of this.#idle) connection.close();
    this.#drained.resolve();
  }

  answered(connection: Connection): void {
    this.#events++;
    const { window, requests, keepAlive, onCounted } = this.#options;
    const now = performance.now();
    const { status } = connection.response;
    const isGood = requests[connection.request]!.good[status] === 1;
    if (window.open(connection.sinceMs, now, isGood ? undefined : String(status))) {
      onCounted?.(connection.response);
    }
    this.#busy.delete(connection);
    if (keepAlive && connection.usable) this.#idle.push(connection);
    else connection.close();
    this.#connectionIsFree(now);
  }

  failed(connection: Connection, failure: Failure): void {
    this.#events++;
    this.#busy.delete(connection);
    const { requests, window } = this.#options;
    if (canRepeat(connection, failure, requests[connection.request]!)) {
      window.repeated(performance.now());
      this.#send(this.#newConnection(), connection.request, connection.sinceMs);
      return;
    }
    const now = performance.now();
    window.open(connection.sinceMs, now, failure);
    this.#connectionIsFree(now);
  }

  #dueAt(index: number): number {
    return this.#options.startMs + index * this.#everyMs;
  }

  /** One turn of the event loop: sends what is due, and asks for the next turn. */
  #turn(): void {
    const now = performance.now();
    const last = this.#lastTurn;
    if (last.atMs > 0 && last.events === this.#events) this.spunMs += now - last.atMs;
    const allSent = this.#sendDue(now);
    last.atMs = 0;
    const { endMs } = this.#options.window;
    const nextMs = this.#dueAt(this.#sent);
    if (nextMs >= endMs) return this.#endIfDrained();
    const waitMs = nextMs - performance.now();
    // With no connection free, the next answer sends.
    if (!allSent) this.#timer = setTimeout(() => this.#turn(), SPIN_MS);
    else if (waitMs > SPIN_MS || !this.#options.maySpin) {
      // The next one may have become due meanwhile.
      const delayMs = Math.max(0, this.#options.maySpin ? waitMs - SPIN_MS / 2 : waitMs);
      this.#timer = setTimeout(() => this.#turn(), delayMs);
    } else {
      last.atMs = now;
      last.events = this.#events;
      setImmediate(() => this.#turn());
    }
  }

  /** false: all connections are busy. */
  #sendDue(now: number): boolean {
    const { window, deck, maxConnections } = this.#options;
    const until = Math.min(now, window.endMs);
    if (this.#isBlocked) this.#blockedUntilMs = now;
    this.#isBlocked = false;
    for (let count = 0; count < MOST_AT_ONCE; count++) {
      const dueAt = this.#dueAt(this.#sent);
      if (dueAt > until || dueAt >= window.endMs) return true;
      const connection = this.#idleConnection();
      this.#isBlocked = connection === undefined && this.#busy.size >= maxConnections;
      if (this.#isBlocked) return false;
      this.#sent++;
      this.#events++;
      if (dueAt >= window.beginMs && now < window.endMs) {
        window.sent++;
        if (now - Math.max(dueAt, this.#blockedUntilMs) > this.#lateMs) window.late++;
      }
      this.#send(connection ?? this.#newConnection(), deck.deal(), dueAt);
    }
    return true;
  }

  #connectionIsFree(now: number): void {
    if (this.#dueAt(this.#sent) <= now) this.#sendDue(now);
    this.#endIfDrained();
  }

  #idleConnection(): Connection | undefined {
    let connection = this.#idle.pop();
    while (connection !== undefined && !connection.usable) connection = this.#idle.pop();
    return connection;
  }

  #newConnection(): Connection {
    return new Connection(this.#options.target, this, this.#options.keepBytes);
  }

  #send(connection: Connection, index: number, dueAtMs: number): void {
    const request = this.#options.requests[index]!;
    this.#busy.add(connection);
    connection.request = index;
    connection.sinceMs = dueAtMs;
    connection.send(request.bytes, request.isHead);
  }

  #endIfDrained(): void {
    const allSent = this.#dueAt(this.#sent) >= this.#options.window.endMs;
    if (this.#draining && allSent && this.#busy.size === 0) this.#drained.resolve();
  }
}
