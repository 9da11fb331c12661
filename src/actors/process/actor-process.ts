/** An actor with all of its abilities: the process, and the methods for its function. */

import { runtime, LOAD } from "../../runtime/runtime.ts";
import { HeddleError } from "../../errors/errors.ts";
import { isTimeUp } from "../../runtime/run-queue.ts";
import { inNextTurn } from "../../runtime/turn-promise.ts";
import { forgetSite } from "../../runtime/watch/start-sites.ts";
import type { TurnView } from "../../supervise/inspect/turn-look.ts";
import { mustBeBoolean, mustBeOptions, mustBePid, mustBeRef, sentReason } from "../arguments/arguments.ts";
import { callFailed, failAtOnce, startCall } from "../messaging/calls.ts";
import { ExitError, type ExitReason } from "./exit-reason.ts";
import { demonitor, DownMessage, isSendingExits, monitor, newRef, signalExit, tellOfExit } from "./exit-signals.ts";
import { rareFieldsOf } from "./rare-fields.ts";
import { resolveName } from "../registry/registered-names.ts";
import { BarePid, type Pid, registerPids } from "./pid.ts";
import { crashes, currentProcess, Process, type Body, type Rest } from "./process.ts";
import { Ended } from "../messaging/wait-states.ts";
import { exportPid, forgetProcess, importPid } from "./process-table.ts";
import { flush, thisThread } from "../messaging/remote.ts";
import type { Self } from "./self.ts";
import { link, unlink } from "../exits/links.ts";
import { toldReason } from "../exits/told-reason.ts";

const members = runtime();
const { board } = members;

export class ActorProcess extends Process implements Self {
  declare receive: Self["receive"] & Process["receive"];

  constructor(body: Body, args: readonly unknown[]) {
    super(body, args);
    members.begins();
  }

  die(because: ExitReason, rest: Rest): void {
    if (this.status === "dead") return;
    const reason = toldReason(because);
    forgetSite(this);
    const { extra } = this;
    const isToUnwind = rest === "unwinds" && this.parked !== undefined;
    this.extra = undefined;
    this.leave(reason, rest);
    // While it unwinds, the board counts work: it may do so for ever.
    if (!isToUnwind && rest === "unwinds" && currentProcess() === this) this.unwinds();
    else if (!isToUnwind) countOut();
    if (extra === undefined) return forgetProcess(this);
    for (const call of extra.calls ?? []) call.abandon(rest !== "unwinds");
    tellOfExit(this, extra, reason);
    extra.started?.({ type: "exited", reason });
    extra.abort?.abort(this.exited());
  }

  unwinds(): void {
    process.nextTick(countOut);
  }

  view(): TurnView | undefined {
    // If its function has returned, this is code that it has left behind for others: a server's handler, a timer.
    if (isSendingExits() || (this.wait instanceof Ended && this.wait.hasReturned)) return undefined;
    const { id, extra, turns } = this;
    const view = { what: "actor", id, name: extra?.name ?? this.label, stretch: turns } as const;
    return this.status === "dead" ? { ...view, hasEnded: true } : view;
  }

  cutOff(): void {
    this.die("killed", "dropped");
  }

  /** It ends with an error that says why, so that a supervisor starts it again, and somebody is told. */
  lost(): void {
    const message = `${this.toString()} could not go on: it was resumed together with an actor of its thread that was ended in the middle of a computation, and was lost with it, or only that actor could have resumed it.`;
    const error = new HeddleError("ACTOR_LOST", message);
    crashes.report(this, error);
    this.die(error, "dropped");
  }

  #mustBeAlive(): void {
    if (this.status === "dead") throw this.exited();
  }

  get pid(): Pid {
    return this;
  }

  get trapExit(): boolean {
    return this.extra?.trapExit === true;
  }

  set trapExit(value: boolean) {
    this.#mustBeAlive();
    mustBeBoolean(value, "self.trapExit");
    rareFieldsOf(this).trapExit = value;
  }

  get acceptPriority(): boolean {
    return this.extra?.acceptPriority === true;
  }

  set acceptPriority(value: boolean) {
    this.#mustBeAlive();
    mustBeBoolean(value, "self.acceptPriority");
    rareFieldsOf(this).acceptPriority = value;
  }

  link(pid: Pid<never>): void {
    this.#mustBeAlive();
    mustBePid(pid, "the target of self.link()");
    link(this, pid);
    this.#mustBeAlive();
  }

  unlink(pid: Pid<never>): void {
    this.#mustBeAlive();
    mustBePid(pid, "the target of self.unlink()");
    unlink(this, pid);
  }

  monitor(target: Pid<never> | string): number {
    this.#mustBeAlive();
    const pid = resolveName(target as Pid | string, "the target of self.monitor()");
    if (pid !== undefined) return monitor(this, pid);
    const ref = newRef();
    this.deliverSignal(new DownMessage(ref, new BarePid(thisThread, 0), "noproc"));
    return ref;
  }

  demonitor(ref: number, options?: { readonly flush?: boolean }): void {
    this.#mustBeAlive();
    mustBeRef(ref, "the argument of self.demonitor()");
    if (options !== undefined) mustBeOptions(options, "the options of self.demonitor()", "{ flush: true }");
    demonitor(this, ref, options?.flush === true);
  }

  exit(reason: ExitReason): never;
  exit(pid: Pid<never>, reason: ExitReason): void;
  exit(...args: readonly [ExitReason] | readonly [Pid<never>, ExitReason]): void {
    this.#mustBeAlive();
    if (args.length < 2) throw new ExitError(sentReason(args[0], "the reason of self.exit()"));
    mustBePid(args[0], "the receiver of self.exit()");
    signalExit(this, args[0], sentReason(args[1] as ExitReason, "the reason of self.exit()"), "sent");
  }

  call(server: Pid<never> | string, request: unknown, timeoutMs?: number): Promise<never> {
    if (this.status === "dead") return this.afterEnd();
    try {
      const pid = resolveName(server as Pid | string, "the server of self.call()");
      if (pid === undefined) return failAtOnce(callFailed(server as string, "noproc"));
      return startCall(this, pid, request, timeoutMs) as Promise<never>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  flush(): Promise<void> {
    if (this.status === "dead") return this.afterEnd();
    flush();
    return isTimeUp() ? inNextTurn(undefined) : Promise.resolve();
  }

  get signal(): AbortSignal {
    if (this.status === "dead") return AbortSignal.abort(this.exited());
    return (rareFieldsOf(this).abort ??= new AbortController()).signal;
  }
}

function countOut(): void {
  board.add(members.self, LOAD.running, -1);
}

Object.defineProperty(ActorProcess.prototype, "thread", { value: thisThread });

registerPids([BarePid.prototype, ActorProcess.prototype], exportPid, importPid);
