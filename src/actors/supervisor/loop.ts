/**
 * The loop of all kinds of supervisors: start, then answer requests and react to exits, one at a time, until the end.
 *
 * A failed restart is tried again by a message of the supervisor to itself, so that requests are handled in between. Each try
 * counts against the intensity. At the end all children are stopped first, then the supervisor exits.
 */

import type { ActorProcess } from "../process/actor-process.ts";
import { CallMessage, ControlMessage, failCall, sendReply } from "../messaging/calls.ts";
import { Signal } from "../messaging/signal.ts";
import type { ExitReason } from "../process/exit-reason.ts";
import { ExitMessage } from "../process/exit-signals.ts";
import { Desk, isForDesk, type Inspected } from "../inspect/desk.ts";
import { SupervisorReports } from "../inspect/supervisor-reports.ts";
import { isStop } from "../gen-server.ts";
import type { Pid } from "../process/pid.ts";
import type { Process } from "../process/process.ts";
import type { Self } from "../process/self.ts";
import { hasStarted } from "../process/spawn.ts";
import { refused, type Answer, type Description, type Request } from "./requests.ts";
import { RestartWindow } from "./restart-window.ts";

/** Why a supervisor ends. undefined: it goes on. */
export type Ending = { readonly reason: ExitReason } | undefined;

/** For the host of the program, which guards its trees. Set by the server. */
export const rootSupervisors: { started: (supervisor: ActorProcess) => void } = { started: () => {} };

/** No other actor has started it with a link, so nobody restarts it, and nobody ends with it. */
export function isRoot({ extra }: Process): boolean {
  return extra?.kind === "supervisor" && extra.place === undefined && extra.parent === undefined;
}

class Retry<Key> extends Signal {
  readonly key: Key;
  constructor(key: Key) {
    super();
    this.key = key;
  }
}

export abstract class SupervisorLoop<Key> implements Inspected {
  protected readonly self: ActorProcess;
  protected readonly reports: SupervisorReports;
  readonly #window: RestartWindow;
  readonly kind = "supervisor";
  #desk: Desk | undefined;

  constructor(self: Self, intensity: number, periodMs: number) {
    this.self = self as unknown as ActorProcess;
    this.reports = new SupervisorReports(this.self, { intensity, periodMs });
    this.#window = new RestartWindow(intensity, periodMs);
  }

  /** Starts the first children. Returns an ending if one has not started. */
  protected abstract startAll(): Promise<Ending>;
  protected abstract stopAll(): Promise<void>;
  protected abstract answer(request: Request): Promise<Answer>;
  /** An actor linked to the supervisor has exited. */
  protected abstract exited(pid: Pid, reason: ExitReason): Promise<Ending>;
  protected abstract retry(key: Key): Promise<Ending>;
  abstract readState(): Description;

  async run(): Promise<void> {
    this.self.trapExit = true;
    let ending = await this.startAll();
    if (ending === undefined) {
      hasStarted(this.self, { type: "started" });
      if (isRoot(this.self)) rootSupervisors.started(this.self);
    }
    while (ending === undefined) {
      ending = await this.#handle(await (this.#desk === undefined ? this.self.receive() : this.#desk.receive()));
    }
    await this.stopAll();
    this.self.die(ending.reason, "returned");
  }

  async #handle(message: unknown): Promise<Ending> {
    if (!(message instanceof ControlMessage)) this.#desk?.note("in", message);
    if (message instanceof ExitMessage) return await this.#exited(message);
    if (message instanceof Retry) return await this.retry((message as Retry<Key>).key);
    // It answers only the requests of the functions for supervisors, and no calls.
    if (message instanceof CallMessage) failCall(message.from, "unknown_request");
    if (!(message instanceof ControlMessage)) return undefined;
    const { from, request } = message;
    if (isStop(request)) return request;
    if (isForDesk(message)) {
      (this.#desk ??= new Desk(this.self, this)).serve(message);
      return undefined;
    }
    sendReply(from, await this.#answer(request as Request));
    return undefined;
  }

  async #answer(request: Request): Promise<Answer> {
    try {
      return await this.answer(request);
    } catch (error) {
      if (this.self.status === "dead") throw error;
      return refused(error as ExitReason);
    }
  }

  async #exited({ from, reason }: ExitMessage): Promise<Ending> {
    if (from === undefined) return undefined;
    if (from === this.self.extra?.parent) return { reason };
    return await this.exited(from, reason);
  }

  /** Counts a restart. Returns an ending if there were too many. */
  protected countRestart(): Ending {
    if (this.#window.admits(performance.now())) return undefined;
    this.reports.gaveUp();
    return { reason: "shutdown" };
  }

  protected retryLater(key: Key): void {
    // Without copying: this message does not leave the supervisor, and a copy of a Retry would not be recognised.
    this.self.deliverSignal(new Retry(key));
  }
}
