/**
 * Members that the runtime has not started: threads of the server, which join it by themselves (`door.ts`). Their owner lets them
 * begin and end, and says so here.
 *
 * A thread may end before it has joined, while it joins (its admission is then on its way to nobody), or later. Its owner calls
 * `left` in each case, after `adopt` or without it.
 */

import type { MessagePort } from "node:worker_threads";
import { availableCpus } from "../../config/cpus.ts";
import { HeddleError, toWire } from "../../errors/errors.ts";
import type { Admission, Knock } from "../door.ts";
import type { Roster } from "./roster.ts";
import { MAX_THREADS, type ThreadBoard } from "./thread-board.ts";
import type { Member, Role, ServerRole } from "./thread-protocol.ts";

/** A thread, as its owner describes it. */
export interface OwnedThread {
  readonly role: ServerRole | "scheduler";
  /** In messages: `serving thread 0`. */
  readonly name: string;
  readonly threadId: number;
  /** Its place among the owner's threads. One with a larger serial replaces it. undefined: none does. */
  readonly place?: { readonly name: string; readonly serial: number };
  /** An actor on it was told to exit, and could not be ended: the thread should be replaced as soon as possible. */
  replace(why: HeddleError): void;
}

export interface AdoptedContext {
  readonly board: ThreadBoard;
  readonly roster: Roster;
  readonly attach: (member: Member, port: MessagePort) => void;
  /** There is a thread to be watched. */
  readonly watch: () => void;
}

export class AdoptedThreads {
  readonly #context: AdoptedContext;
  readonly #threads = new Map<number, OwnedThread>();
  readonly #numbers = new Map<OwnedThread, number>();
  /** The most scheduler threads, as far as nobody has set another number. */
  #room = availableCpus();

  constructor(context: AdoptedContext) {
    this.#context = context;
  }

  adopt(thread: OwnedThread, { port, answered }: Knock): void {
    const { board, roster, attach, watch } = this.#context;
    if (roster.isFull) {
      const why = new HeddleError(
        "THREADS_INVALID",
        `the most that there can be is ${MAX_THREADS - 1}, and all are there.`,
      );
      answer({ port, answered }, { refused: toWire(why) }, []);
      return port.close();
    }
    const { member, peers } = roster.admit(thread.role);
    this.#threads.set(member.id, thread);
    this.#makeRoom();
    this.#numbers.set(thread, member.id);
    const told = { self: member, board: board.buffer, peers, isServers: true, isAdopted: true };
    answer(
      { port, answered },
      { told },
      peers.map((peer) => peer.port),
    );
    attach(member, port);
    watch();
  }

  /** The owner says how many scheduler threads it has, unless the program has said how many are to be used. */
  #makeRoom(): void {
    const { board } = this.#context;
    const threads = this.count("scheduler");
    if (board.size("scheduler") !== this.#room || threads <= this.#room) return;
    board.resize("scheduler", (this.#room = threads));
  }

  /** It is about to end: nothing is placed on it any more. */
  retire(thread: OwnedThread): void {
    const id = this.#numbers.get(thread);
    if (id !== undefined) this.#context.board.close(id);
  }

  /** Whether it has units. */
  isUsed(thread: OwnedThread): boolean {
    const id = this.#numbers.get(thread);
    return id !== undefined && this.#context.board.load(id) > 0;
  }

  /** It has ended, or is as good as ended. `isEmpty`: nothing of it is on its way. */
  left(thread: OwnedThread, why: HeddleError, isEmpty: boolean): void {
    const id = this.#numbers.get(thread);
    if (id === undefined) return;
    this.#numbers.delete(thread);
    this.#threads.delete(id);
    this.#context.roster.left(id, why, isEmpty);
  }

  /** Whether it takes the place of the other one, which may still work. */
  replaces(id: number, replaced: number): boolean {
    const [place, before] = [this.#threads.get(id)?.place, this.#threads.get(replaced)?.place];
    return place !== undefined && before !== undefined && place.name === before.name && place.serial > before.serial;
  }

  get(id: number): OwnedThread | undefined {
    return this.#threads.get(id);
  }

  count(role: Role): number {
    let found = 0;
    for (const thread of this.#threads.values()) if (thread.role === role) found++;
    return found;
  }

  /** With the numbers Node gives them. */
  *running(): Generator<readonly [thread: number, threadId: number]> {
    for (const [id, { threadId }] of this.#threads) yield [id, threadId];
  }
}

function answer({ port, answered }: Knock, admission: Admission, transfer: readonly MessagePort[]): void {
  port.postMessage(admission, [...transfer]);
  Atomics.store(answered, 0, 1);
  Atomics.notify(answered, 0);
}
