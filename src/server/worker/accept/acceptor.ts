/**
 * The acceptor, a worker's main thread. It makes the serving threads accept. It places the connections that they pass on, that
 * the arbiter sends, and that a dead thread leaves. It never runs user code and never parses HTTP, so it is never blocked.
 *
 * The threads accept by themselves (`thread-listener.ts`), each through its own copy of the listening descriptors. Where
 * descriptors can't be copied (no node:ffi), the acceptor accepts, and places every connection.
 *
 * `accepted.ts` says how a connection gets from here to a thread. While no thread takes connections (all are booting, blocked
 * or dead), the connections here wait, unread, in arrival order. So do those that a dead thread had not adopted. A blocked
 * thread gets none: it may be killed for it, and its connections with it. As many wait as there are descriptors for: then nobody
 * accepts any more (`descriptor-room.ts`).
 */

import { createServer, type Server, type Socket } from "node:net";
import { HeddleError } from "../../../errors/errors.ts";
import { COUNTER } from "../../../supervise/load-board.ts";
import { areAwaited, closeFd, duplicateFd, hasNative } from "../../../platform/native.ts";
import { type Accepted, detach } from "./accepted.ts";
import type { SocketAddress } from "./address.ts";
import { emptied, endHandshakes, endListening, isEnded } from "./backlog.ts";
import { DescriptorRoom } from "./descriptor-room.ts";
import { place } from "./placement.ts";
import type { InheritedListener } from "../worker-protocol.ts";
import { unread } from "../../../platform/node-internals/handles.ts";
import type { ServingThreadHandle } from "../serving/serving-thread-handle.ts";

export interface AcceptorOptions {
  readonly backlog: number;
  readonly threads: () => readonly ServingThreadHandle[];
  readonly isStale: (thread: ServingThreadHandle) => boolean;
  /** For connections that no thread will take any more. */
  readonly turnAway: (socket: Socket) => void;
  /** The threads have stopped accepting, because the process lacks descriptors. */
  readonly onFull: () => void;
  /** An error of accepting itself. */
  readonly onError: (error: Error) => void;
}

/** How often it is looked whether there are descriptors again. Two system calls. */
const LOOK_MS = 10;
/** Clients must wait in so many looks, one after the other, before idle connections are closed for them: another worker may take them. */
const PATIENT_LOOKS = 10;

export class Acceptor {
  readonly #options: AcceptorOptions;
  readonly #servers: Server[] = [];
  readonly #waiting: Accepted[] = [];
  /** Listening sockets that the threads accept on. */
  #listeners: readonly InheritedListener[] = [];
  readonly #room: DescriptorRoom;
  /** While threads don't accept for want of descriptors. */
  #looks: NodeJS.Timeout | undefined;
  /** For how many looks clients have waited. */
  #awaited = 0;
  #isLeaving = false;
  #handOn: ((accepted: Accepted) => void) | undefined;
  #turn = 0;

  constructor(options: AcceptorOptions) {
    this.#options = options;
    this.#room = new DescriptorRoom({
      connections: () => this.#connections,
      sharers: () => 1,
      sockets: () => (this.isFull ? this.#listeners.length : 0),
    });
  }

  /** How many connections this process has descriptors for. Infinity: not known. */
  get room(): number {
    return this.#room.look(false);
  }

  /** Whether its threads have stopped accepting, because the process lacks descriptors. */
  get isFull(): boolean {
    return this.#looks !== undefined;
  }

  /** Connections accepted and not placed yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Takes connections from inherited listening sockets. Resolves to their addresses once a thread accepts there: others may stand still
   * at the moment. One that can't is tried again (`check`). @throws HeddleError LISTEN_FAILED: none can
   */
  async listen(listeners: readonly InheritedListener[]): Promise<readonly SocketAddress[]> {
    const fds = listeners.map(({ fd }) => fd);
    if (!hasNative()) return await Promise.all(fds.map((fd) => this.#listenOn(fd)));
    this.#listeners = listeners;
    const listening = this.#openThreads().map((thread) => this.#haveListen(thread));
    this.refresh();
    if (listening.length === 0) return [];
    return await Promise.any(listening).catch(({ errors }: AggregateError) => {
      throw errors[0];
    });
  }

  /** Closes this process's listening sockets. While the arbiter's is open, the kernel goes on queueing connections. */
  stopListening(): void {
    const servers = this.#servers.splice(0);
    if (servers.length > 0) void this.#closeEmptied(servers);
    for (const thread of this.#options.threads()) thread.stopListening();
    for (const { fd } of this.#listeners) closeFd(fd);
    this.#listeners = [];
  }

  /** The arbiter is dead: does the same, and ends the sockets for all processes, so that the next arbiter can bind. */
  async endListening(): Promise<void> {
    await endHandshakes(this.#listeners);
    for (const listener of this.#listeners) {
      for (const fd of endListening(listener, this.#options.backlog)) this.take(unread({ fd }).setNoDelay(true));
    }
    this.stopListening();
  }

  /** The server stops, and no thread takes connections any more. Waiting and later connections are refused. */
  leave(): void {
    this.#isLeaving = true;
    for (const accepted of this.#waiting.splice(0)) this.#turnAway(accepted);
  }

  /** The worker is being replaced: what no thread here takes, now or later, is another worker's. `handOn`: gives it back. */
  handOver(handOn: (accepted: Accepted) => void): void {
    this.#handOn = handOn;
    for (const accepted of this.#waiting.splice(0)) handOn(accepted);
  }

  /** The set of threads that take connections has changed: tells them about each other. */
  refresh(): void {
    const threads = this.#openThreads();
    if (this.#listeners.length > 0) {
      for (const thread of threads) thread.know(threads.filter((other) => other !== thread));
    }
    this.check();
  }

  /** A thread has stopped accepting, because the process lacks descriptors. */
  full(): void {
    if (this.isFull || this.#listeners.length === 0) return;
    this.#looks = setInterval(() => this.#lookForRoom(), LOOK_MS);
    this.#awaited = 0;
    this.#options.onFull();
  }

  /** Clients wait for the descriptors of idle connections. */
  makeRoom(): void {
    for (const thread of this.#openThreads()) thread.makeRoom();
  }

  /** Retries what failed before: threads that do not accept yet, connections without a thread. */
  check(): void {
    if (this.#listeners.length > 0 && !this.isFull) {
      for (const thread of this.#openThreads()) {
        if (!thread.listens) this.#haveListen(thread).catch(this.#options.onError);
      }
    }
    this.placeWaiting();
  }

  /** Places a paused socket, accepted here or by another process. `isCounted`: in the row of the only thread. */
  take(socket: Socket, isCounted: boolean = false): void {
    const accepted = detach(socket);
    // From here on it is counted by whoever gets it.
    if (isCounted) this.#options.threads()[0]?.row.tryLower("connections");
    if (accepted !== undefined) this.place(accepted);
  }

  /** Passes on a connection that a thread accepted for another one, and counted there. */
  passOn(fd: number, threadId: number): void {
    const accepted = { kind: "fd", fd } as const;
    const thread = this.#options.threads().find((each) => each.threadId === threadId);
    // When the server stops, the thread drains already, but still takes a connection that was on its way.
    if (thread !== undefined && (this.#isLeaving || thread.state === "ready")) return thread.give(accepted, true);
    // If that thread is gone, its count is gone too.
    thread?.row.tryLower("connections");
    this.place(accepted);
  }

  place(accepted: Accepted): void {
    const threads = this.#options.threads();
    const loads = threads.map((thread) => ({
      connections: thread.row.read(COUNTER.connections),
      open: thread.state === "ready" && !this.#options.isStale(thread),
      stale: false,
    }));
    const index = place(loads, this.#turn++);
    if (index >= 0) threads[index]!.give(accepted);
    else if (this.#isLeaving) this.#turnAway(accepted);
    else if (this.#handOn !== undefined) this.#handOn(accepted);
    else this.#waiting.push(accepted);
  }

  /** A thread has become ready, or its loop turns again: places what waited. */
  placeWaiting(): void {
    for (const accepted of this.#waiting.splice(0)) this.place(accepted);
  }

  get #connections(): number {
    const rows = this.#options.threads().map(({ row }) => row.read(COUNTER.connections));
    return rows.reduce((sum, count) => sum + count, this.waiting);
  }

  #lookForRoom(): void {
    if (this.#listeners.length > 0 && this.#room.look() <= 0) {
      this.#awaited = areAwaited(this.#listeners.map(({ fd }) => fd)) ? this.#awaited + 1 : 0;
      if (this.#awaited % PATIENT_LOOKS === PATIENT_LOOKS - 1) this.makeRoom();
      return;
    }
    clearInterval(this.#looks);
    this.#looks = undefined;
    this.check();
  }

  async #closeEmptied(servers: readonly Server[]): Promise<void> {
    await emptied(servers, this.#options.backlog);
    for (const server of servers) server.close();
  }

  #turnAway(accepted: Accepted): void {
    this.#options.turnAway(accepted.kind === "fd" ? unread(accepted) : accepted.socket);
  }

  #openThreads(): ServingThreadHandle[] {
    return this.#options.threads().filter(({ state }) => state === "ready");
  }

  async #haveListen(thread: ServingThreadHandle): Promise<readonly SocketAddress[]> {
    const fds = this.#listeners.map(({ fd }) => duplicateFd(fd));
    if (!fds.includes(-1)) return await thread.listen(fds);
    for (const fd of fds) if (fd !== -1) closeFd(fd);
    throw new HeddleError("LISTEN_FAILED", `no descriptors are left for serving thread ${thread.index} to listen on`);
  }

  #listenOn(fd: number): Promise<SocketAddress> {
    const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => this.take(socket));
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      // After it listens, rejecting has no effect, and an error (no descriptors left) must not end the worker.
      server.on("error", (cause: NodeJS.ErrnoException) => {
        if (server.listening && !isEnded(cause)) this.#options.onError(cause);
        const message = `cannot listen on the inherited descriptor ${fd}: ${cause.message}`;
        reject(new HeddleError("LISTEN_FAILED", message, { cause }));
      });
      server.listen({ fd }, this.#options.backlog, () => resolve(server.address()));
    });
  }
}
