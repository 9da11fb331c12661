/**
 * A supervisor of actors that a host starts by itself, such as the server's requests: one for each thread, with children that are
 * temporary. To others it is a dynamic supervisor: it is shown in the tree with its children, ends one when it is asked to, and
 * all of them when it is stopped.
 *
 * Starting a child costs the supervisor nothing. It gets no message, holds no entry and has no link: its children are told by the
 * host, when somebody asks. `dynamicSupervisor` takes a call, a link and two table entries for each, several times what the rest of a
 * short-lived actor costs.
 *
 * Who watches whom: a child's end is the host's to handle. The end of the supervisor is its children's end.
 */

import type { ExitReason } from "../process/exit-reason.ts";
import type { Pid } from "../process/pid.ts";
import type { Process } from "../process/process.ts";
import { rareFieldsOf } from "../process/rare-fields.ts";
import type { Self } from "../process/self.ts";
import { markServer, spawn } from "../process/spawn.ts";
import type { ActorProcess } from "../process/actor-process.ts";
import { stopAll, stopChild } from "./children.ts";
import { SupervisorLoop, type Ending } from "./loop.ts";
import {
  countsOf,
  refused,
  type Answer,
  type ChildInfo,
  type Description,
  type Request,
  type SupervisorPid,
} from "./requests.ts";

export interface Hosted {
  /** Shown in trees. */
  readonly label: string;
  /** Those that live. */
  readonly children: () => readonly Process[];
  /** How long one may take to stop. */
  readonly shutdownMs: number;
}

const all: WeakSet<object> = new WeakSet();

export function isHosted(supervisor: Pid): boolean {
  return all.has(supervisor);
}

/** Starts it on this thread. */
export async function hostedSupervisor(hosted: Hosted): Promise<SupervisorPid> {
  const body = (self: Self): Promise<void> => {
    rareFieldsOf(self as unknown as ActorProcess).label = hosted.label;
    all.add(self);
    return new HostedSupervisor(self, hosted).run();
  };
  markServer(body as never, "supervisor");
  return await spawn<SupervisorPid>(body as never);
}

class HostedSupervisor extends SupervisorLoop<never> {
  readonly #hosted: Hosted;

  constructor(self: Self, hosted: Hosted) {
    // It restarts nobody.
    super(self, 0, Infinity);
    this.#hosted = hosted;
  }

  protected startAll(): Promise<Ending> {
    return Promise.resolve(undefined);
  }

  protected async stopAll(): Promise<void> {
    await stopAll(this.self, this.#hosted.children(), this.#hosted.shutdownMs);
  }

  protected exited(): Promise<Ending> {
    return Promise.resolve(undefined);
  }

  protected retry(): Promise<Ending> {
    return Promise.resolve(undefined);
  }

  protected async answer(request: Request): Promise<Answer> {
    switch (request.op) {
      case "terminateChild":
        return await this.#terminate(request.child as Pid);
      case "whichChildren":
        return { value: this.#infos() };
      case "countChildren":
        return { value: countsOf(1, this.#infos()) };
      case "describe":
        return { value: this.readState() };
      default:
        return refused("simple_one_for_one" satisfies ExitReason);
    }
  }

  readState(): Description {
    return { strategy: "simple_one_for_one", children: this.#infos() };
  }

  async #terminate(pid: Pid): Promise<Answer> {
    if (!this.#hosted.children().includes(pid as Process)) return refused("not_found");
    await stopChild(this.self, pid, this.#hosted.shutdownMs);
    return { value: undefined };
  }

  #infos(): ChildInfo[] {
    return this.#hosted.children().map((pid) => ({ id: undefined, pid, type: "worker" }));
  }
}
