/**
 * Dynamic supervisors: very many children of one kind, started one by one, like OTP's `simple_one_for_one`. Children have no
 * ids and no order. At the end all are told to stop at once, with one timer for all.
 */

import { show } from "../arguments/arguments.ts";
import { HeddleError } from "../../errors/errors.ts";
import type { Spawns } from "../process/actor.ts";
import type { ExitReason } from "../process/exit-reason.ts";
import type { Pid } from "../process/pid.ts";
import type { Self } from "../process/self.ts";
import { markServer } from "../process/spawn.ts";
import { pathOf, type Place } from "../inspect/tree-path.ts";
import { startChildOf, stopAll, stopChild } from "./children.ts";
import { SupervisorLoop, type Ending } from "./loop.ts";
import { isSignificantExit, restarts, shutsDown } from "./policy.ts";
import {
  countsOf,
  refused,
  type Answer,
  type ChildInfo,
  type Description,
  type Request,
  type SupervisorPid,
} from "./requests.ts";
import {
  checkOptions,
  checkSpec,
  type ChildSpec,
  type FullOptions,
  type FullSpec,
  type SupervisorOptions,
} from "./spec.ts";

export interface DynamicSupervisorOptions extends Omit<SupervisorOptions, "strategy" | "children"> {
  /** The specification of every child. `startChild(supervisor, args)` appends arguments to its start. */
  readonly child: Omit<ChildSpec, "id">;
  /**
   * The most children at a time; those that are being restarted count. At the limit `startChild` is refused with the reason
   * `max_children`. Default: `Infinity`.
   */
  readonly maxChildren?: number;
}

/**
 * A supervisor whose children are all of one kind. `startChild(supervisor, args)` starts them.
 *
 * @throws SUPERVISOR_INVALID
 */
export function dynamicSupervisor(options: DynamicSupervisorOptions): Spawns<[], SupervisorPid> {
  checkOptions(options);
  const { child, maxChildren = Infinity, ...rest } = options;
  const full = checkOptions(rest);
  if (!(maxChildren === Infinity || (Number.isSafeInteger(maxChildren) && maxChildren >= 0))) {
    const message = `maxChildren is a whole number, 0 or more, or Infinity; got ${show(maxChildren)}.`;
    throw new HeddleError("SUPERVISOR_INVALID", message);
  }
  const spec = checkSpec({ id: "child", ...child }, full.autoShutdown);
  const body = (self: Self): Promise<void> => new DynamicSupervisor(self, full, spec, maxChildren).run();
  markServer(body as never, "supervisor");
  return body as never;
}

interface Child {
  readonly args: readonly unknown[];
  /** Of one that is restarting: the last it had, which is its name until it has another. */
  pid: Pid | undefined;
}

class DynamicSupervisor extends SupervisorLoop<Child> {
  readonly #options: FullOptions;
  readonly #spec: FullSpec;
  readonly #maxChildren: number;
  readonly #running: Map<Pid, Child> = new Map();
  readonly #restarting: Set<Child> = new Set();
  #place: Place | undefined;

  constructor(self: Self, options: FullOptions, spec: FullSpec, maxChildren: number) {
    super(self, options.intensity, options.periodMs);
    this.#options = options;
    this.#spec = spec;
    this.#maxChildren = maxChildren;
  }

  protected startAll(): Promise<Ending> {
    return Promise.resolve(undefined);
  }

  protected async stopAll(): Promise<void> {
    const stopped = await stopAll(this.self, [...this.#running.keys()], this.#spec.shutdown);
    for (const [pid, reason] of stopped) this.#reportStopped(pid, reason);
    this.#running.clear();
  }

  /** Undefined: it goes on. */
  async #start(child: Child): Promise<ExitReason | undefined> {
    this.#place ??= { below: pathOf(this.self), id: undefined };
    const started = await startChildOf(this.self, this.#spec, child.args, this.#place);
    if (started.type === "failed") return started.reason;
    if (started.type === "started") {
      child.pid = started.pid;
      this.#running.set(started.pid, child);
    }
    return undefined;
  }

  protected async exited(pid: Pid, reason: ExitReason): Promise<Ending> {
    const child = this.#running.get(pid);
    if (child === undefined) return undefined;
    this.#running.delete(pid);
    const isRestarted = restarts(this.#spec.restart, reason);
    this.reports.ended({ restart: this.#spec.restart, id: undefined }, pid, reason, isRestarted);
    if (isRestarted) return await this.#restart(child);
    // A child that will be restarted counts as running, as in OTP.
    const left = this.#running.size + this.#restarting.size;
    const ends = isSignificantExit(this.#spec, reason) && shutsDown(this.#options.autoShutdown, left);
    return ends ? { reason: "shutdown" } : undefined;
  }

  async #restart(child: Child): Promise<Ending> {
    this.#restarting.delete(child);
    const ending = this.countRestart();
    if (ending !== undefined) return ending;
    const failed = await this.#start(child);
    if (failed === undefined) {
      if (child.pid !== undefined) this.reports.restarted(undefined, child.pid);
      return undefined;
    }
    this.reports.startFailed(undefined, failed, true);
    this.#restarting.add(child);
    this.retryLater(child);
    return undefined;
  }

  protected async retry(child: Child): Promise<Ending> {
    return this.#restarting.has(child) ? await this.#restart(child) : undefined;
  }

  protected async answer(request: Request): Promise<Answer> {
    switch (request.op) {
      case "startChild":
        return await this.#startChild(request.spec);
      case "terminateChild":
        return await this.#terminateChild(request.child as Pid);
      case "restartChild":
      case "deleteChild":
        return refused("simple_one_for_one");
      case "whichChildren":
        return { value: this.#infos() };
      case "countChildren":
        return { value: countsOf(1, this.#infos()) };
      default:
        return { value: this.readState() };
    }
  }

  readState(): Description {
    return { strategy: "simple_one_for_one", children: this.#infos() };
  }

  async #startChild(args: unknown): Promise<Answer> {
    if (!Array.isArray(args)) return refused("simple_one_for_one");
    if (this.#running.size + this.#restarting.size >= this.#maxChildren) return refused("max_children");
    const child: Child = { args, pid: undefined };
    const reason = await this.#start(child);
    return reason === undefined ? { value: child.pid } : refused(reason);
  }

  async #terminateChild(pid: Pid): Promise<Answer> {
    if (this.#running.delete(pid)) this.#reportStopped(pid, await stopChild(this.self, pid, this.#spec.shutdown));
    else if (!this.#giveUp(pid)) return refused("not_found");
    return { value: undefined };
  }

  #reportStopped(pid: Pid, reason: ExitReason): void {
    const { restart, shutdown } = this.#spec;
    this.reports.stopped({ restart, shutdown, id: undefined }, pid, reason);
  }

  /** As in OTP, a child that is restarting is known by the pid that it had. */
  #giveUp(pid: Pid): boolean {
    for (const child of this.#restarting) if (child.pid === pid) return this.#restarting.delete(child);
    return false;
  }

  #infos(): ChildInfo[] {
    const { type } = this.#spec;
    const running = [...this.#running.keys()].map((pid): ChildInfo => ({ id: undefined, pid, type }));
    const waiting = [...this.#restarting].map((): ChildInfo => ({ id: undefined, pid: "restarting", type }));
    return [...running, ...waiting];
  }
}
