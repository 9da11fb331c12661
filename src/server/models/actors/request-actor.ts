/**
 * The actor of one request: from its handler's first line until the handler has returned and the response is closed.
 *
 *   begin ─▶ the handler runs ─▶ it returns, its promise settles, or it throws
 *                                └─▶ the response is closed ─▶ the actor has exited with `normal`
 *
 * Invariants
 * - Its request is answered exactly once for its end: by what the handler wrote; else by 500 (it threw, or was told to exit by
 *   another actor or a link), or 503 (it was ended because it held up its thread, or was lost with another one that was).
 * - Whoever cuts its request short (a client that leaves, a timeout, a drain) is told to it as an exit signal with the reason
 *   `{ shutdown: … }`. It can be trapped. The request's own signal aborts as under every model.
 * - The handler's failure is reported to the host at most once, whatever its function does after the actor's death.
 *
 * Memory and time: there is one for each request, so it has no closures. Its exchange leads to it (`HandledExchange.kept`), and its
 * async context does.
 */

import { ActorProcess } from "../../../actors/process/actor-process.ts";
import { ExitError, isCleanExit, reasonOf, type ExitReason } from "../../../actors/process/exit-reason.ts";
import { arrive } from "../../../actors/process/exit-signals.ts";
import { BarePid, type Pid, registerPids } from "../../../actors/process/pid.ts";
import { exportPid, importPid } from "../../../actors/process/process-table.ts";
import type { Rest } from "../../../actors/process/process.ts";
import { Ended } from "../../../actors/messaging/wait-states.ts";
import { runQueue } from "../../../runtime/run-queue.ts";
import { runAs, runningUnit } from "../../../runtime/running-unit.ts";
import type { HandledExchange } from "../handled-exchange.ts";
import type { ModelHost } from "../model.ts";

/** What the actors of a thread share. */
export interface Requests {
  readonly host: ModelHost;
  /** Undefined before it has started. */
  readonly supervisor: Pid | undefined;
}

const NO_ARGS: readonly unknown[] = [];
const nothing = (): void => {};
const settled: Promise<void> = Promise.resolve();

/** Those that have begun since the microtasks were last drained. */
const begun: RequestActor[] = [];

function drained(): void {
  begun.length = 0;
}

/** A tick that is scheduled within a microtask runs when all microtasks are done. */
function afterMicrotasks(): void {
  process.nextTick(drained);
}

export class RequestActor extends ActorProcess {
  readonly exchange: HandledExchange;
  readonly #requests: Requests;
  /** Its function has returned, and what it returned has settled. */
  #hasReturned = false;
  /** Its end has nothing to say to the client: that was told, or is known. */
  #isAnswered = false;
  /** It was ended in the middle of its code, or with somebody who was. */
  #unfinished: "HANDLER_RAN_AWAY" | "HANDLER_LOST" | undefined = undefined;
  /** It is on the stack of the code that reads its connection. */
  #isInReading = false;

  constructor(exchange: HandledExchange, requests: Requests) {
    super(nothing, NO_ARGS);
    this.exchange = exchange;
    this.#requests = requests;
    exchange.kept = this;
    exchange.onAbort = cutShort;
    exchange.onEnded = responseClosed;
  }

  override get label(): string {
    const { req, route } = this.exchange;
    return `${req.method} ${route.name === "*" ? (req.url ?? "") : route.name}`;
  }

  /** By its exchange. */
  override get isKept(): boolean {
    return true;
  }

  override get parent(): Pid | undefined {
    return this.#requests.supervisor ?? super.parent;
  }

  /** Runs the handler now, on the stack of who has read the request. */
  begin(): void {
    this.turns = 1;
    this.#isInReading = true;
    if (begun.push(this) === 1) void settled.then(afterMicrotasks);
    this.#handle();
    this.#isInReading = false;
  }

  /** Its first turn, if it was queued. */
  override run(): void {
    if (this.status !== "starting") return super.run();
    this.turns = 1;
    // Another actor may have passed the turn on inside of its `receive`. Where actors are ended, that must not be on the stack.
    runQueue.begins(() => {
      if (runQueue.isInterruptible) void settled.then(() => this.#inTurn());
      else this.#inTurn();
    });
  }

  #inTurn(): void {
    if (this.status === "starting") this.#handle();
    if (this.#hasReturned || this.status === "dead") runQueue.parked(this);
  }

  #handle(): void {
    this.wait = undefined;
    this.status = "running";
    runAs(this as RequestActor, handle);
  }

  /** Calls the handler. In its own async context. */
  callHandler(): void {
    const { app } = this.#requests.host;
    const { req, res, expects } = this.exchange;
    const outcome = expects === undefined ? app.request(req, res) : app.expect(expects, req, res);
    // The same two functions for all: they find their actor by the async context.
    if (outcome === undefined) this.returned();
    else {
      void outcome.then(hasReturned, hasThrown);
      // Nobody else keeps it: it is gone when nothing can resume the handler (runtime/lost-units.ts).
      if (this.isElsewhere) this.ending = outcome;
    }
  }

  returned(): void {
    this.#hasReturned = true;
    if (this.status === "dead") (this.wait as Ended).hasReturned = true;
    else if (this.exchange.state === "ended") this.#leave("normal");
    runQueue.parked(this);
  }

  threw(error: unknown): void {
    this.#hasReturned = true;
    if (this.status === "dead") (this.wait as Ended).hasReturned = true;
    if (!this.#isAnswered) this.#tellFailed(error);
    if (this.status !== "dead") this.#leave(reasonOf(error));
    runQueue.parked(this);
  }

  /** The response is closed, by its end or without it. */
  closed(): void {
    this.#isAnswered = true;
    if (this.#hasReturned && this.status !== "dead") this.#leave("normal");
  }

  /** The client has left, or its time is over, or the thread drains. */
  cutShort(): void {
    const { exchange } = this;
    const hasBegun = this.status !== "starting";
    // Its promise may still reject, which the host knows to be a consequence. Its death is none of the client's business any more.
    const answered = this.#isAnswered;
    this.#isAnswered = true;
    arrive(undefined, this, { shutdown: whyOf(exchange) }, "sent");
    this.#isAnswered = answered;
    // No handler will answer, but its client still waits.
    if (!hasBegun && exchange.calledOff) this.#tellFailed(exchange.abortReason);
  }

  override die(reason: ExitReason, rest: Rest): void {
    if (this.status === "dead") return;
    super.die(reason, rest);
    if (this.#isAnswered) return;
    if (this.#unfinished === undefined) this.#tellFailed(new ExitError(reason));
    else this.#tellUnfinished(this.#unfinished);
  }

  /**
   * What runs in microtasks behind the callback that has read its request is of that connection alone. So nothing of others is dropped
   * with it there, unless several requests were read at once.
   */
  get isApart(): boolean {
    return this.#isInReading || (begun.length === 1 && begun[0] === this);
  }

  override cutOff(): void {
    // The microtask that would have emptied the list may have been dropped.
    begun.length = 0;
    this.#unfinished = "HANDLER_RAN_AWAY";
    super.cutOff();
  }

  override lost(): void {
    this.#unfinished = "HANDLER_LOST";
    super.lost();
  }

  #leave(reason: ExitReason): void {
    this.#isAnswered = true;
    this.die(reason, "returned");
    (this.wait as Ended).hasReturned = true;
  }

  #tellFailed(error: unknown): void {
    this.#isAnswered = true;
    const { exchange } = this;
    // It has answered, and then exited on purpose.
    if (exchange.res.writableEnded && error instanceof ExitError && isCleanExit(error.reason)) return;
    this.#requests.host.failed(exchange, error);
  }

  #tellUnfinished(code: "HANDLER_RAN_AWAY" | "HANDLER_LOST"): void {
    this.#isAnswered = true;
    this.#requests.host.cutOff(this.exchange, code, this.#isInReading);
  }
}

registerPids([BarePid.prototype, ActorProcess.prototype, RequestActor.prototype], exportPid, importPid);

function handle(actor: RequestActor): void {
  try {
    actor.callHandler();
  } catch (error) {
    actor.threw(error);
  }
}

function hasReturned(): void {
  (runningUnit() as RequestActor).returned();
}

function hasThrown(error: unknown): void {
  (runningUnit() as RequestActor).threw(error);
}

function cutShort(this: HandledExchange): void {
  (this.kept as RequestActor).cutShort();
}

function responseClosed(this: HandledExchange): void {
  (this.kept as RequestActor).closed();
}

/** Part of the reason of its exit. */
function whyOf({ refusal, calledOff }: HandledExchange): string {
  if (calledOff || refusal === "DRAINING") return "draining";
  if (refusal === "HANDLER_TIMEOUT" || refusal === "BODY_TIMEOUT") return "timeout";
  return refusal === undefined ? "client_gone" : "refused";
}
