/** What only the root of a runtime has: it starts threads, adopts those of a server, tells all of all, and watches for runaways. */

import type { MessagePort, Transferable } from "node:worker_threads";
import type { HeddleError } from "../../errors/errors.ts";
import { AdoptedThreads } from "./adopted-threads.ts";
import type { RootOptions } from "./root-options.ts";
import { Roster } from "./roster.ts";
import { RunawayThreads } from "./runaway-threads.ts";
import type { ThreadBoard } from "./thread-board.ts";
import type { Control, Member } from "./thread-protocol.ts";
import { ThreadSupervisor } from "./thread-supervisor.ts";

/** What the root's runtime does for it. */
export interface RootLinks {
  readonly board: ThreadBoard;
  readonly tell: (thread: number, control: Control, transfer?: readonly Transferable[]) => void;
  readonly attach: (member: Member, port: MessagePort) => void;
  /** `neverBegan`: no message of it can be on its way. */
  readonly ended: (thread: number, why: HeddleError, neverBegan: boolean) => void;
}

export class Root {
  readonly roster: Roster;
  readonly adopted: AdoptedThreads;
  readonly supervisor: ThreadSupervisor;
  readonly runaways: RunawayThreads;
  readonly #board: ThreadBoard;

  constructor({ board, tell, attach, ended }: RootLinks, { warn, hasSchedulers, isServers }: RootOptions) {
    this.#board = board;
    const watch = (): void => this.runaways.start();
    const roster = new Roster({ board, tell, ended });
    const adopted = new AdoptedThreads({ board, roster, attach, watch });
    const supervisor: ThreadSupervisor = new ThreadSupervisor({
      board,
      roster,
      attach,
      warn,
      watch,
      size: (role) => (role === "scheduler" && hasSchedulers() ? 0 : board.size(role)),
      isServers,
    });
    this.roster = roster;
    this.adopted = adopted;
    this.supervisor = supervisor;
    this.runaways = new RunawayThreads({
      board,
      warn,
      threads: () => [...supervisor.schedulers(), ...adopted.running()],
      isOthersToTell: (thread) => adopted.get(thread)?.role !== undefined && adopted.get(thread)?.role !== "scheduler",
      nameOf: (thread) => adopted.get(thread)?.name ?? `scheduler thread ${thread}`,
      isOwned: (thread) => adopted.get(thread) !== undefined,
      isGivenUp: (thread) => adopted.get(thread) === undefined && board.isClosed(thread),
      quarantine: (thread, why) => this.#quarantine(thread, why),
      inspector: () => import("../interruption.ts"),
    });
  }

  /** Nothing is placed on it any more. Its owner replaces it, or the supervisor ends it. */
  #quarantine(thread: number, why: HeddleError): void {
    const isLeaving = this.#board.isClosed(thread);
    this.#board.close(thread);
    const owned = this.adopted.get(thread);
    if (owned === undefined) this.supervisor.quarantine(thread, why);
    else if (!isLeaving) owned.replace(why);
  }
}
