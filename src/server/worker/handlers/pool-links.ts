/**
 * The links between a pool's handler threads and the worker's serving threads, on the acceptor's side. When a serving thread
 * dies, the rings of its links show what it left on the pool's board, and this file removes it.
 *
 * What a serving thread holds of a pool, and who removes it when the thread dies
 * - Waiting requests: the thread writes their number into a word of its own (`pending-jobs.ts`). We subtract it here.
 * - Jobs that were not begun: we recall them in the ring, in place of the serving thread, and subtract them on the board. If
 *   the handler thread has won a job in the ring meanwhile, it runs it.
 * - Jobs that were begun: the handler thread subtracts them when they are done. No serving thread is left to stop an endless
 *   one, so we kill the handler thread if the job is not done within the timeout.
 * - A job that was added on the board when the thread died, but was not in the ring yet: only a few instructions lie between.
 *   So we check every second whether a thread counts as busy while all of its rings are empty. A thread found so three times,
 *   without a job in between, is replaced. (Twice may happen: a job is done in the ring and not yet on the board, and at the
 *   next check one is added on the board and not yet in the ring.)
 */

import { brokenMemory } from "../../../kit/broken-memory.ts";
import type { Board } from "../../models/offload/shared/pool-board.ts";
import type { LinkEnd } from "../../models/offload/shared/offload-protocol.ts";
import { Ring } from "../../models/offload/shared/job-ring.ts";
import type { HandlerThreadHandle } from "./handler-thread-handle.ts";
import type { ServingThreadHandle } from "../serving/serving-thread-handle.ts";

export type LinkedHandler = Pick<HandlerThreadHandle, "id" | "seat" | "state" | "link">;
/** Compared by identity. */
export type LinkedServer = Pick<ServingThreadHandle, "index">;

export interface PoolLinksOptions {
  readonly board: Board;
  /** How long an orphaned job may run. 0: no limit. */
  readonly timeoutMs: number;
  readonly kill: (id: number, why: string) => void;
}

const TIMES_FOUND = 3;

interface Linked {
  readonly rings: Map<LinkedServer, Ring>;
  /** Rings of dead serving threads, while a job in them runs. */
  readonly orphaned: Set<Ring>;
  /** Its state at the last check, if the board said busy and no ring did. */
  suspect: string | undefined;
  /** How often in a row it was found in that state. */
  found: number;
}

export class PoolLinks {
  readonly #options: PoolLinksOptions;
  readonly #handlers = new Map<LinkedHandler, Linked>();
  /** For each serving thread: the number of its waiting requests. */
  readonly #lines = new Map<LinkedServer, Int32Array<SharedArrayBuffer>>();

  constructor(options: PoolLinksOptions) {
    this.#options = options;
  }

  /** The shared memory for the serving thread's number of waiting requests. */
  line(server: LinkedServer): SharedArrayBuffer {
    const words = this.#lines.get(server) ?? new Int32Array(new SharedArrayBuffer(4));
    this.#lines.set(server, words);
    return words.buffer;
  }

  /** Makes a new link. Returns the serving thread's end. */
  link(handler: LinkedHandler, server: LinkedServer): LinkEnd {
    const end = handler.link();
    const linked = this.#handlers.get(handler) ?? newLinked();
    this.#handlers.set(handler, linked);
    linked.rings.set(server, new Ring(end.ring));
    return end;
  }

  /** The handler thread is gone, and its seat with it. */
  forget(handler: LinkedHandler): void {
    this.#handlers.delete(handler);
  }

  /** The serving thread is dead: removes what it held. */
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
    // Wake those that the dead thread would have woken.
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
      if (this.#handlers.has(handler) && ring.hasThread(running)) kill(handler.id, why);
    }, timeoutMs).unref();
  }

  /** Yields each thread that counts as busy but has no job, once, with an error. Call it every second. */
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
