/**
 * Accepting on a serving thread. Every thread of a worker takes connections from the same listening sockets, each through its
 * own descriptor. It keeps what it accepts unless another thread has clearly fewer connections (`placement.ts`). Then it
 * sends the descriptor to the acceptor, which gives it to that thread. Workers that are one event loop do the same among each
 * other (`worker-board.ts`).
 *
 *   kernel's backlog → whichever thread's loop turns → kept, or passed on through the acceptor
 *
 * A thread whose loop does not turn accepts nothing, and nobody has to detect it: the other threads take what waits in the
 * backlog. Nearly every connection stays where it was accepted. It costs no message, no copy of its descriptor, and no
 * wake-up of a second thread (docs/decisions/accepting.md has the numbers).
 *
 * When the process is about to lack descriptors it stops accepting, and tells the acceptor, which has it listen again when there is
 * room (`descriptor-room.ts`). Meanwhile connections wait in the backlog, or another worker takes them.
 *
 * Invariant: a connection is counted in the row of its future thread before the next one is accepted. So a burst is spread
 * evenly without asking the other threads.
 */

import { createServer, type Server, type Socket } from "node:net";
import { HeddleError } from "../../../errors/errors.ts";
import { monotonicMs } from "../../../kit/clock.ts";
import { COUNTER, type LoadRow } from "../../../supervise/load-board.ts";
import type { SocketAddress } from "./address.ts";
import { detachHandle } from "./accepted.ts";
import { isEnded } from "./backlog.ts";
import { DescriptorRoom } from "./descriptor-room.ts";
import { areShortLived, passOnTo, THREADS_TOLERANCE, WORKERS_TOLERANCE } from "./placement.ts";
import { type RawHandle, takeHandles } from "../../../platform/node-internals/handles.ts";

/** Another thread of this worker that takes connections, or another worker. */
export interface Peer {
  readonly row: LoadRow;
  readonly threadId?: number;
  readonly pid?: number;
}

export interface ThreadListenerOptions {
  readonly row: LoadRow;
  /** A thread whose loop has not turned for this long gets nothing passed on. */
  readonly staleMs: number;
  /** Adopts a connection of this thread, counted in its row. */
  readonly adopt: (socket: Socket) => void;
  /** Passes on a connection of a peer, counted in its row. */
  readonly passOn: (fd: number, to: Peer) => void;
  /** The other workers that accept. Undefined: this one does not pass on to others. */
  readonly neighbours: (() => readonly Peer[]) | undefined;
  /** It has closed its descriptors of the listening sockets, because the process lacks descriptors. */
  readonly onFull: () => void;
  /** An error of accepting itself. */
  readonly onError: (error: Error) => void;
}

const WINDOW_MS = 100;

export class ThreadListener {
  readonly #options: ThreadListenerOptions;
  readonly #servers: Server[] = [];
  readonly #room: DescriptorRoom;
  #peers: readonly Peer[] = [];
  /** `open`: at its beginning. */
  #window = { sinceMs: monotonicMs(), open: 0, accepted: 0, areShortLived: false };

  constructor(options: ThreadListenerOptions) {
    this.#options = options;
    const { row } = options;
    this.#room = new DescriptorRoom({
      connections: () =>
        this.#peers.reduce((sum, peer) => sum + peer.row.read(COUNTER.connections), row.read(COUNTER.connections)),
      sharers: () => this.#peers.length + 1,
      sockets: () => 0,
    });
  }

  /** The other threads that take connections now. */
  know(peers: readonly Peer[]): void {
    this.#peers = peers;
  }

  /** Takes the descriptors. Resolves to the sockets' addresses once it accepts. @throws HeddleError LISTEN_FAILED */
  listen(fds: readonly number[], backlog: number): Promise<SocketAddress[]> {
    return Promise.all(fds.map((fd) => this.#listenOn(fd, backlog)));
  }

  /** With each heartbeat: the app may have taken descriptors. */
  look(): void {
    if (this.#servers.length > 0 && this.#room.look(false) <= 0) this.#stop();
  }

  #stop(): void {
    // It is called by one of them for each connection that it accepts.
    if (this.#servers.length === 0) return;
    this.close();
    this.#options.onFull();
  }

  /** Other threads go on accepting: the descriptors are this thread's own. */
  close(): void {
    Atomics.store(this.#options.row.counters, COUNTER.accepts, 0);
    for (const server of this.#servers.splice(0)) server.close();
  }

  #listenOn(fd: number, backlog: number): Promise<SocketAddress> {
    const { row, adopt, onError } = this.#options;
    const server = createServer({ noDelay: true }, (socket) => {
      Atomics.add(row.counters, COUNTER.connections, 1);
      adopt(socket);
    });
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      // After it listens, rejecting has no effect, and an error (no descriptors left) must not end the thread.
      server.on("error", (cause: NodeJS.ErrnoException) => {
        if (server.listening && !isEnded(cause)) onError(cause);
        const message = `cannot listen on the inherited descriptor ${fd}: ${cause.message}`;
        reject(new HeddleError("LISTEN_FAILED", message, { cause }));
      });
      // Count it first. If this thread dies, the acceptor closes only the descriptors that the thread has not counted.
      row.counters[COUNTER.listeners]!++;
      server.listen({ fd }, backlog, () => {
        row.counters[COUNTER.pid] = process.pid;
        Atomics.store(row.counters, COUNTER.accepts, 1);
        resolve(server.address());
      });
      takeHandles(server, this.#passesOn);
    });
  }

  /** Of the connections that this thread accepts. Looked at anew in each window. */
  #areShortLived(): boolean {
    const window = this.#window;
    const nowMs = monotonicMs();
    const open = this.#options.row.read(COUNTER.connections);
    const windowMs = nowMs - window.sinceMs;
    if (windowMs >= WINDOW_MS) {
      const closed = window.accepted + window.open - open;
      this.#window = { sinceMs: nowMs, open, accepted: 0, areShortLived: areShortLived(open, closed, windowMs) };
    }
    this.#window.accepted++;
    return this.#window.areShortLived;
  }

  readonly #passesOn = (handle: RawHandle): boolean => {
    const { row, staleMs, passOn, neighbours } = this.#options;
    // This connection is accepted already. It goes its way first.
    if (!this.#room.take()) process.nextTick(() => this.#stop());
    if (this.#areShortLived()) return false;
    const peers = neighbours?.() ?? this.#peers;
    const counts = peers.map((peer) => peer.row.read(COUNTER.connections));
    const isStale = (index: number): boolean => monotonicMs() - peers[index]!.row.beatMs > staleMs;
    const tolerance = neighbours === undefined ? THREADS_TOLERANCE : WORKERS_TOLERANCE;
    const peer = peers[passOnTo(row.read(COUNTER.connections), counts, tolerance, isStale)];
    const accepted = peer === undefined ? undefined : detachHandle(handle);
    if (peer === undefined || accepted === undefined) return false;
    Atomics.add(peer.row.counters, COUNTER.connections, 1);
    passOn(accepted.fd, peer);
    return true;
  };
}
