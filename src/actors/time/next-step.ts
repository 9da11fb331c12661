/**
 * What a server does after a callback, beside waiting for the next message: `handleContinue` first, or `handleTimeout` if no
 * message comes for a while. OTP's `{continue, Term}` and the timeout of `gen_server`.
 *
 * A continuation goes to the front of the server's own mailbox, so it comes before any message, priority messages included, and
 * a server that continues for ever shares its thread like one that gets messages for ever.
 */

import { HeddleError } from "../../errors/errors.ts";
import { mustBeDuration, mustBeOptions } from "../arguments/arguments.ts";
import { deliverFirst } from "../messaging/urgent.ts";
import type { Process } from "../process/process.ts";
import { OwnTimer, TimeoutMessage } from "./own-timers.ts";

/** Part of a callback's answer. Both last until the next message. */
export interface NextStep {
  /** `handleContinue` is called with this value, before any other message is handled. */
  readonly continue?: unknown;
  /**
   * If no call, cast or message comes for so many milliseconds, `handleTimeout` is called. 0: if none is in the mailbox now. The
   * next message ends it, so each answer that wants it gives it again.
   */
  readonly idleTimeoutMs?: number;
}

/** The first state of a server together with its first step. Made by `startWith`. */
export class FirstState<State> {
  readonly state: State;
  readonly next: NextStep;
  constructor(state: State, next: NextStep) {
    this.state = state;
    this.next = next;
  }
}

/**
 * The result of `init` if the server is to go on by itself: the state, and what is next. `spawn` resolves before `handleContinue`
 * runs, so a slow start need not hold up the supervisor.
 *
 *     init: () => startWith(new Map(), { continue: "load" })
 *
 * @throws ACTOR_INVALID
 */
export function startWith<State>(state: State, next: NextStep): FirstState<State> {
  mustBeOptions(next, "the second argument of startWith()", '{ continue: "load" }');
  if (next.idleTimeoutMs !== undefined) mustBeDuration(next.idleTimeoutMs, "idleTimeoutMs");
  return new FirstState(state, next);
}

export class ContinueMessage {
  readonly value: unknown;
  constructor(value: unknown) {
    this.value = value;
  }
}

/** Which of the two callbacks the server has. */
export interface StepCallbacks {
  readonly handleContinue?: unknown;
  readonly handleTimeout?: unknown;
}

export class NextSteps {
  readonly #process: Process;
  readonly #callbacks: StepCallbacks;
  #idle: OwnTimer | undefined;

  constructor(process: Process, callbacks: StepCallbacks) {
    this.#process = process;
    this.#callbacks = callbacks;
  }

  /** @throws if the server has no callback for it: the server ends then, as at any bad answer. */
  plan(next: NextStep): void {
    if (next.continue !== undefined) {
      this.#need("handleContinue", "continue");
      deliverFirst(this.#process, new ContinueMessage(next.continue));
    }
    const { idleTimeoutMs } = next;
    if (idleTimeoutMs === undefined) return;
    this.#need("handleTimeout", "idleTimeoutMs");
    this.#idle ??= new OwnTimer(this.#process);
    this.#idle.start(idleTimeoutMs);
  }

  /** A message has come. True: it is the end of the idle time. "late": it was, but another message came before. */
  isTimeout(message: unknown): boolean | "late" {
    const idle = this.#idle;
    if (idle === undefined) return false;
    const isOver = message instanceof TimeoutMessage;
    const isCurrent = isOver && message.timer === idle;
    if (!isOver || isCurrent) idle.clear();
    return isOver ? isCurrent || "late" : false;
  }

  #need(callback: keyof StepCallbacks, answer: string): void {
    if (typeof this.#callbacks[callback] === "function") return;
    throw new HeddleError("ACTOR_BAD_RETURN", `a server answered with ${answer}, and has no ${callback}.`, {
      hint: `Give it a ${callback}, or leave ${answer} out.`,
    });
  }
}
