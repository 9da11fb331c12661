/**
 * The links between a pool's handler threads and the worker's serving threads, as the acceptor keeps them: what a dead serving thread
 * leaves on the pool's board is settled by what stands in the rings of its links.
 *
 * What a serving thread has of a pool, and who takes it off when that thread dies
 * - Requests in its waiting line: it writes their number into a word of its own (`pending-jobs.ts`), which is taken off here.
 * - Jobs that were not begun: they are recalled in the ring, here instead of by the serving thread, and taken off the board. What the
 *   handler thread has won in the ring meanwhile it runs.
 * - Jobs that were begun: the handler thread takes them off when they are done. Nobody is left who would end one that has no end, so
 *   the thread is ended if it has not come to its end within the timeout.
 * - A job that was added on the board when the thread died, and not yet put into the ring: a few instructions lie between. So it is looked
 *   every second whether a thread counts as busy while all of its rings are empty. Who is found so three times, and has had no job
 *   in between, is replaced. (Twice may happen: a job is done in the ring and not yet on the board, and at the next look one is added on the
 *   board and not yet in the ring.)
 */

import { brokenMemory } from "../../../kit/broken-memory.ts";
import type { Board } from "../../models/offload/shared/pool-board.ts";
import type { LinkEnd } from "../../models/offload/shared/offload-protocol.ts";
import { Ring } from "../../models/offload/shared/job-ring.ts";
import type { HandlerThreadHandle } from "./handler-thread-handle.ts";
import type { ServingThreadHandle } from "../serving/serving-thread-handle.ts";

export type LinkedHandler = Pick<HandlerThreadHandle, "id" | "seat" | "state" | "link">;
/** It is told apart from others by what it is. */
export type LinkedServer = Pick<ServingThreadHandle, "index">;

export interface PoolLinksOptions {
  readonly board: Board;
  /** How long an orphaned job may run on; 0: for ever. */
  readonly timeoutMs: number;
  readonly kill: (id: number, why: string) => void;
}

const TIMES_FOUND = 3;

interface Linked {
  readonly rings: Map<LinkedServer, Ring>;
  /** Of dead serving threads, while a job of theirs runs. */
  readonly orphaned: Set<Ring>;
  /** How it was at the last look, if the board said that it was busy and no ring did. */
  suspect: string | undefined;
  /** How often in a row it was found like that. */
  found: number;
}

export class PoolLinks {
  readonly #options: PoolLinksOptions;
  readonly #handlers = new Map<LinkedHandler, Linked>();
  /** Of each serving thread: how many of its requests wait in its line. */
  readonly #lines = new Map<LinkedServer, Int32Array<SharedArrayBuffer>>();

  constructor(options: PoolLinksOptions) {
    this.#options = options;
  }

  /** For the serving thread's waiting line. */
  line(server: LinkedServer): SharedArrayBuffer {
    const words = this.#lines.get(server) ?? new Int32Array(new SharedArrayBuffer(4));
    this.#lines.set(server, words);
    return words.buffer;
  }

  /** A new link; the serving thread's end. */
  link(handler: LinkedHandler, server: LinkedServer): LinkEnd {
    const end = handler.link();
    const linked = this.#handlers.get(handler) ?? newLinked();
    this.#handlers.set(handler, linked);
    linked.rings.set(server, new Ring(end.ring));
    return end;
  }

  /** It is gone, and its seat with it. */
  forget(handler: LinkedHandler): void {
    this.#handlers.delete(handler);
  }

  /** The serving thread is dead. */
  settle(server: LinkedServer): void {
    const { board } = this.#options;
    const waited = this.#lines.get(server)?.[0] ?? 0;
    this.#lines.delete(server);
    board.stopWaiting(waited);
    for (const [handler, { rings, orphaned }] of this.#handlers) {
      const ring = rings.get(server);
      rings.delete(server);
      if (ring === undefined) continue;
      this.#settleLink(handler, ring);
      orphaned.add(ring);
    }
    // For those that it would have woken.
    board.freed.wake();
  }

  #settleLink(handler: LinkedHandler, ring: Ring): void {
    const { board, timeoutMs, kill } = this.#options;
    const { recalled, recalledAhead, running } = ring.recallAll();
    for (let i = 0; i < recalled; i++) board.takeBack(handler.seat);
    for (let i = 0; i < recalledAhead; i++) board.takeBackAhead(handler.seat);
    board.stopWaiting(recalledAhead);
    if (running === undefined || timeoutMs === 0) return;
    const why = `did not end within its timeout (${timeoutMs} ms), and the serving thread of its request is gone`;
    setTimeout(() => {
      if (this.#handlers.has(handler) && ring.isRunning(running)) kill(handler.id, why);
    }, timeoutMs).unref();
  }

  /** To be called every second. Those that count as busy and have nothing to do, and why that is said: each once. */
  *lost(): Generator<readonly [handler: LinkedHandler, error: Error]> {
    for (const [handler, linked] of this.#handlers) {
      const suspect = this.#suspect(handler, linked);
      linked.found = suspect === linked.suspect ? linked.found + 1 : 1;
      linked.suspect = suspect;
      if (suspect === undefined || linked.found < TIMES_FOUND) continue;
      this.forget(handler);
      yield [handler, brokenMemory(`slot ${handler.seat.slot} counts as busy, and no serving thread has a job for it`)];
    }
  }

  #suspect({ seat, state }: LinkedHandler, { rings, orphaned }: Linked): string | undefined {
    for (const ring of orphaned) if (ring.restMark !== undefined) orphaned.delete(ring);
    if (orphaned.size > 0) return undefined;
    const load = this.#options.board.load(seat);
    if (state !== "ready" || load === 0 || this.#options.board.isClosed(seat)) return undefined;
    const marks = [...rings.values()].map((ring) => ring.restMark);
    return marks.includes(undefined) ? undefined : [load, ...marks].join(" ");
  }
}

function newLinked(): Linked {
  return { rings: new Map(), orphaned: new Set(), suspect: undefined, found: 0 };
}
