/**
 * Supervisors: actors that start other actors, and restart them when they exit. OTP's `supervisor`; its manual is the contract.
 *
 * - Children are started in order, and stopped in reverse order, one after the other.
 * - If one does not start at first, those already started are stopped, and the supervisor does not start: `{ shutdown: … }`.
 * - When a child exits, its `restart` decides whether it is restarted. The strategy decides which others are restarted with it.
 * - More than `intensity` restarts within `periodMs` (one for each exit that led to a restart, and for each further try) stop
 *   all children and end the supervisor with `shutdown`. Its own supervisor then handles that.
 */

import type { Spawns } from "../process/actor.ts";
import type { ExitReason } from "../process/exit-reason.ts";
import type { Pid } from "../process/pid.ts";
import type { Self } from "../process/self.ts";
import { markServer } from "../process/spawn.ts";
import { startChildOf, stopChild } from "./children.ts";
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

/**
 * Makes a supervisor from its options, for `spawn` or `actor()`. `spawn` resolves when all children have started.
 *
 *     const tree = supervisor({ strategy: "rest_for_one", children: [{ id: "db", start: [db, [url]] }, { id: "web", start:
 *     [web] }] });
 *
 * @throws SUPERVISOR_INVALID
 */
export function supervisor(options: SupervisorOptions): Spawns<[], SupervisorPid> {
  const full = checkOptions(options);
  const body = (self: Self): Promise<void> => new Supervisor(self, full).run();
  markServer(body as never, "supervisor");
  return body as never;
}

interface Child {
  readonly spec: FullSpec;
  pid: Pid | undefined;
  /** Its restart has failed so far. */
  restarting: boolean;
}

class Supervisor extends SupervisorLoop<Child["spec"]["id"]> {
  readonly #options: FullOptions;
  /** In the order of their starts. */
  #children: Child[];

  constructor(self: Self, options: FullOptions) {
    super(self, options.intensity, options.periodMs);
    this.#options = options;
    this.#children = options.children.map((spec) => ({ spec, pid: undefined, restarting: false }));
  }

  protected async startAll(): Promise<Ending> {
    const failed = await this.#start(this.#children);
    if (failed !== undefined) this.reports.startFailed(failed.child.spec.id, failed.reason, false);
    if (failed === undefined) return undefined;
    return { reason: { shutdown: { failed_to_start_child: failed.child.spec.id, reason: failed.reason } } };
  }

  protected async stopAll(): Promise<void> {
    await this.#stop(this.#children);
  }

  /** In order, until one fails. */
  async #start(children: readonly Child[]): Promise<{ child: Child; reason: ExitReason } | undefined> {
    for (const child of children) {
      const started = await startChildOf(this.self, child.spec);
      if (started.type === "failed") return { child, reason: started.reason };
      child.restarting = false;
      child.pid = started.type === "started" ? started.pid : undefined;
      if (started.type === "ignored" && child.spec.restart === "temporary") this.#forget(child);
    }
    return undefined;
  }

  /** In reverse order. Temporary children are never restarted, so their specification is removed too. */
  async #stop(children: readonly Child[]): Promise<void> {
    for (const child of children.toReversed()) {
      child.restarting = false;
      if (child.pid === undefined) continue;
      const { pid } = child;
      this.reports.stopped(child.spec, pid, await stopChild(this.self, pid, child.spec.shutdown));
      child.pid = undefined;
      if (child.spec.restart === "temporary") this.#forget(child);
    }
  }

  #forget(child: Child): void {
    this.#children = this.#children.filter((each) => each !== child);
  }

  protected async exited(pid: Pid, reason: ExitReason): Promise<Ending> {
    const child = this.#children.find((each) => each.pid === pid);
    if (child === undefined) return undefined;
    child.pid = undefined;
    const isRestarted = restarts(child.spec.restart, reason);
    this.reports.ended(child.spec, pid, reason, isRestarted);
    if (isRestarted) return await this.#restart(child);
    if (child.spec.restart === "temporary") this.#forget(child);
    // A child that will be restarted counts as running, as in OTP.
    const isLeft = ({ spec, pid, restarting }: Child): boolean => spec.significant && (pid !== undefined || restarting);
    const left = this.#children.filter(isLeft).length;
    const ends = isSignificantExit(child.spec, reason) && shutsDown(this.#options.autoShutdown, left);
    return ends ? { reason: "shutdown" } : undefined;
  }

  async #restart(child: Child): Promise<Ending> {
    const ending = this.countRestart();
    if (ending !== undefined) return ending;
    const first = this.#options.strategy === "one_for_all" ? 0 : this.#children.indexOf(child);
    const concerned = this.#options.strategy === "one_for_one" ? [child] : this.#children.slice(first);
    await this.#stop(concerned);
    const failed = await this.#start(concerned.filter((each) => this.#children.includes(each)));
    for (const { spec, pid } of concerned) if (pid !== undefined) this.reports.restarted(spec.id, pid);
    if (failed === undefined) return undefined;
    this.reports.startFailed(failed.child.spec.id, failed.reason, true);
    failed.child.restarting = true;
    this.retryLater(failed.child.spec.id);
    return undefined;
  }

  protected async retry(id: string | number): Promise<Ending> {
    const child = this.#find(id);
    return child?.restarting === true ? await this.#restart(child) : undefined;
  }

  #find(id: unknown): Child | undefined {
    return this.#children.find(({ spec }) => spec.id === id);
  }

  protected async answer(request: Request): Promise<Answer> {
    switch (request.op) {
      case "startChild":
        return await this.#startChild(checkSpec(request.spec as ChildSpec, this.#options.autoShutdown));
      case "terminateChild":
        return await this.#with(request.child, async (child) => {
          await this.#stop([child]);
          if (child.spec.restart === "temporary") this.#forget(child);
          return { value: undefined };
        });
      case "restartChild":
        return await this.#withStopped(request.child, async (child) => {
          const failed = await this.#start([child]);
          return failed === undefined ? { value: child.pid } : refused(failed.reason);
        });
      case "deleteChild":
        return await this.#withStopped(request.child, (child) => {
          this.#forget(child);
          return { value: undefined };
        });
      case "whichChildren":
        return { value: this.#infos() };
      case "countChildren":
        return { value: countsOf(this.#children.length, this.#infos()) };
      default:
        return { value: this.readState() };
    }
  }

  readState(): Description {
    return { strategy: this.#options.strategy, children: this.#infos() };
  }

  async #startChild(spec: FullSpec): Promise<Answer> {
    const known = this.#find(spec.id);
    if (known !== undefined)
      return refused(known.pid === undefined ? "already_present" : { already_started: known.pid });
    const child: Child = { spec, pid: undefined, restarting: false };
    this.#children.push(child);
    const failed = await this.#start([child]);
    if (failed === undefined) return { value: child.pid };
    this.#forget(child);
    return refused(failed.reason);
  }

  async #with(id: unknown, act: (child: Child) => Answer | Promise<Answer>): Promise<Answer> {
    const child = this.#find(id);
    return child === undefined ? refused("not_found") : await act(child);
  }

  async #withStopped(id: unknown, act: (child: Child) => Answer | Promise<Answer>): Promise<Answer> {
    return await this.#with(id, (child) => {
      if (child.restarting) return refused("restarting");
      return child.pid === undefined ? act(child) : refused("running");
    });
  }

  #infos(): ChildInfo[] {
    return this.#children.map(({ spec: { id, type }, pid, restarting }) => ({
      id,
      pid: restarting ? "restarting" : pid,
      type,
    }));
  }
}
