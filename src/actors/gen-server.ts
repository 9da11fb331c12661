/**
 * Servers: actors that hold a state and answer requests, like OTP's `gen_server`.
 *
 *   init ─▶ ┌ a call ─▶ handleCall ┐
 *           │ a cast ─▶ handleCast ├─▶ next message, with the new state
 *           └ other  ─▶ handleInfo ┘
 *   An answer may ask for handleContinue before that message, or for handleTimeout if none comes (time/next-step.ts).
 *   terminate runs when a callback says stop or throws, on `stop()`, and when the parent exits while the server traps exits. It
 *   never runs when the server is killed or ends by an exit signal that it does not trap.
 *
 * A callback may be async: the next message waits for it. If a callback throws, the server exits with that as the reason, and
 * callers that wait for a reply get it.
 */

import { messageOf } from "../errors/errors.ts";
import { Desk, isForDesk, type Inspected } from "./inspect/desk.ts";
import type { Spawns } from "./process/actor.ts";
import type { ActorProcess } from "./process/actor-process.ts";
import {
  CallMessage,
  CastMessage,
  ControlMessage,
  failCall,
  sendReply,
  startControl,
  type Control,
  type From,
} from "./messaging/calls.ts";
import { ExitError, isCrash, reasonOf, sameReason, ServerExited, type ExitReason } from "./process/exit-reason.ts";
import { ExitMessage } from "./process/exit-signals.ts";
import { toldReason } from "./exits/told-reason.ts";
import { resolveName } from "./registry/registered-names.ts";
import type { Pid } from "./process/pid.ts";
import { crashes } from "./process/process.ts";
import type { Self, ServerPid } from "./process/self.ts";
import { hasStarted, markServer } from "./process/spawn.ts";
import { checkCallbacks, mustAnswer, mustAnswerCall } from "./server-answers.ts";
import { ContinueMessage, FirstState, NextSteps, type NextStep } from "./time/next-step.ts";

/** The result of `init` for "do not start, but nothing went wrong". */
export const ignore: unique symbol = Symbol("ignore");

/** How a callback ends the server. */
export interface Stop<State> {
  readonly stop: ExitReason;
  readonly state?: State;
}

/** If `state` is left out, the state stays as it is. */
export type CallAnswer<Reply, State> =
  | ({ readonly reply: Reply; readonly state?: State } & NextStep)
  /** `reply(from, …)` will be called later. */
  | ({ readonly noReply: true; readonly state?: State } & NextStep)
  | (Stop<State> & { readonly reply?: Reply });

export type Answer<State> = void | ({ readonly state?: State } & NextStep) | Stop<State>;

export type Awaitable<T> = T | PromiseLike<T>;

export interface ServerCallbacks<State, Args extends readonly unknown[], Request, Reply, Cast, Info> {
  /** Returns the first state. If it throws, the server does not start. */
  readonly init: (self: Self, ...args: Args) => Awaitable<State | FirstState<State> | typeof ignore>;
  readonly handleCall?: (request: Request, state: State, from: From) => Awaitable<CallAnswer<Reply, State>>;
  readonly handleCast?: (message: Cast, state: State) => Awaitable<Answer<State>>;
  /** Messages that are neither calls nor casts: those sent with `send`, exit and DOWN messages. */
  readonly handleInfo?: (message: Info, state: State) => Awaitable<Answer<State>>;
  /** What an answer has put off with `continue`. It runs before the next message is handled. */
  readonly handleContinue?: (value: any, state: State) => Awaitable<Answer<State>>;
  /** No message has come for the `idleTimeoutMs` of the last answer. */
  readonly handleTimeout?: (state: State) => Awaitable<Answer<State>>;
  /** Runs last. Its result is not used. If it throws, that becomes the reason. */
  readonly terminate?: (reason: ExitReason, state: State) => Awaitable<void>;
}

/** The message of `stop()`. */
interface StopRequest extends Control {
  readonly op: "stop";
  readonly reason: ExitReason;
}

/**
 * Makes a server from its callbacks, for `spawn` or `actor()`. `spawn` resolves when `init` has.
 *
 *     const counter = genServer({
 *       init: (_self, first: number) => first,
 *       handleCall: (request: "next", n) => ({ reply: n, state: n + 1 }),
 *     });
 *
 * Differences from OTP: callbacks may be async. If a callback is missing, a call ends the server, and a cast or message is
 * dropped with a report.
 */
export function genServer<
  State,
  Args extends readonly unknown[] = [],
  Request = never,
  Reply = never,
  Cast = any,
  Info = any,
>(
  callbacks: ServerCallbacks<State, Args, Request, Reply, Cast, Info>,
): Spawns<Args, ServerPid<[Request, Reply], Cast, Info>> {
  checkCallbacks(callbacks);
  const body = (self: Self, ...args: Args): Promise<void> =>
    new Server(self as unknown as ActorProcess, callbacks as AnyCallbacks).run(args);
  markServer(body as never, "worker");
  return body as never;
}

type AnyCallbacks = ServerCallbacks<unknown, readonly unknown[], unknown, unknown, unknown, unknown>;

interface Ending {
  readonly stop: ExitReason;
  readonly lastReply?: () => void;
}

class Server implements Inspected {
  readonly kind = "genServer";
  readonly #self: ActorProcess;
  readonly #callbacks: AnyCallbacks;
  /** Made by the first answer that says what is next. */
  #steps: NextSteps | undefined;
  #desk: Desk | undefined;
  #state: unknown;

  constructor(self: ActorProcess, callbacks: AnyCallbacks) {
    this.#self = self;
    this.#callbacks = callbacks;
  }

  async run(args: readonly unknown[]): Promise<void> {
    const first = await this.#callbacks.init(this.#self, ...args);
    if (this.#hasEnded()) return;
    if (first === ignore) return hasStarted(this.#self, { type: "ignored" });
    this.#state = first instanceof FirstState ? first.state : first;
    if (first instanceof FirstState) this.#plan(first.next);
    hasStarted(this.#self, { type: "started" });
    for (;;) {
      const message = await (this.#desk === undefined ? this.#self.receive() : this.#desk.receive());
      let ending: Ending | undefined;
      try {
        ending = await this.#handle(message);
        if (!(message instanceof ControlMessage)) this.#desk?.noteState();
      } catch (error) {
        if (this.#hasEnded()) throw error;
        if (isCrash(error)) crashes.report(this.#self, error);
        ending = { stop: reasonOf(error) };
      }
      if (this.#hasEnded()) return;
      if (ending !== undefined) return await this.#terminate(ending);
    }
  }

  /** It was killed, or got an exit signal, while a callback waited for something. Nothing more of it runs. */
  #hasEnded(): boolean {
    return this.#self.status === "dead";
  }

  #handle(message: unknown): Promise<Ending | undefined> | Ending | undefined {
    if (message instanceof ControlMessage) return this.#obey(message);
    this.#desk?.note("in", message);
    if (this.#steps !== undefined) {
      const isTimeout = this.#steps.isTimeout(message);
      if (isTimeout === "late") return undefined;
      if (isTimeout) {
        return this.#go("handleTimeout", (_message, state) => this.#callbacks.handleTimeout!(state), message);
      }
    }
    if (message instanceof CallMessage) return this.#handleCall(message);
    if (message instanceof CastMessage) return this.#go("handleCast", this.#callbacks.handleCast, message.message);
    if (message instanceof ExitMessage && message.from !== undefined && message.from === this.#self.extra?.parent) {
      return { stop: message.reason };
    }
    if (message instanceof ContinueMessage) {
      return this.#go("handleContinue", this.#callbacks.handleContinue, message.value);
    }
    return this.#go("handleInfo", this.#callbacks.handleInfo, message);
  }

  #obey(message: ControlMessage): Ending | undefined {
    const { from, request } = message;
    if (isStop(request)) return { stop: request.reason };
    if (isForDesk(message)) (this.#desk ??= new Desk(this.#self, this)).serve(message);
    else failCall(from, "not_a_supervisor");
    return undefined;
  }

  #plan(next: NextStep): void {
    if ((next.continue === undefined && next.idleTimeoutMs === undefined) || this.#hasEnded()) return;
    this.#steps ??= new NextSteps(this.#self, this.#callbacks);
    this.#steps.plan(next);
  }

  readState(): unknown {
    return this.#state;
  }

  writeState(state: unknown): void {
    this.#state = state;
  }

  async #handleCall({ request, from }: CallMessage): Promise<Ending | undefined> {
    const { handleCall } = this.#callbacks;
    if (handleCall === undefined) throw new TypeError("the server was called and has no handleCall");
    const answered = handleCall(request, this.#state, from);
    const answer = isThenable(answered) ? await answered : answered;
    if (this.#hasEnded()) return undefined;
    mustAnswerCall(answer);
    if ("state" in answer) this.#state = answer.state;
    if ("stop" in answer) {
      const { stop } = answer;
      return "reply" in answer ? { stop, lastReply: () => sendReply(from, answer.reply) } : { stop };
    }
    if ("reply" in answer) {
      sendReply(from, answer.reply);
      this.#desk?.note("reply", answer.reply);
    }
    this.#plan(answer);
    return undefined;
  }

  async #go(
    name: string,
    callback: ((message: unknown, state: unknown) => Awaitable<Answer<unknown>>) | undefined,
    message: unknown,
  ): Promise<Ending | undefined> {
    if (callback === undefined) {
      crashes.report(this.#self, new TypeError(`a message found no callback and was dropped: ${messageOf(message)}`));
      return undefined;
    }
    const answer = await callback(message, this.#state);
    mustAnswer(name, answer);
    if (answer === undefined) return undefined;
    if ("state" in answer) this.#state = answer.state;
    if ("stop" in answer) return answer;
    this.#plan(answer);
    return undefined;
  }

  /** As in OTP, the last reply is sent after `terminate` has run or thrown, so the caller finds the server gone. */
  async #terminate({ stop, lastReply }: Ending): Promise<void> {
    let reason = stop;
    try {
      await this.#callbacks.terminate?.(stop, this.#state);
    } catch (error) {
      if (!this.#hasEnded() && isCrash(error)) crashes.report(this.#self, error);
      reason = reasonOf(error);
    }
    if (this.#hasEnded()) return;
    lastReply?.();
    this.#self.die(reason, "returned");
  }
}

function isThenable<T>(value: Awaitable<T>): value is PromiseLike<T> {
  return value instanceof Promise || typeof (value as { then?: unknown } | undefined)?.then === "function";
}

export function isStop(request: Control): request is StopRequest {
  return request.op === "stop";
}

/**
 * Stops a server or supervisor: `terminate` runs, then it exits with the reason. Resolves after that.
 *
 * @param timeoutMs Default: for ever. As with `call`.
 * @throws ExitError: ACTOR_CALL_FAILED if there is no such server, or it exited for another reason; ACTOR_CALL_TIMEOUT.
 */
export async function stop(
  server: Pid<never> | string,
  reason: ExitReason = "normal",
  timeoutMs: number = Infinity,
): Promise<void> {
  const pid = resolveName(server as Pid | string, "the server of stop()");
  if (pid === undefined) throw new ExitError("noproc", "ACTOR_CALL_FAILED", `${server as string} is not there.`);
  try {
    const request: StopRequest = { op: "stop", reason };
    await startControl(pid, request, timeoutMs);
  } catch (error) {
    // As others learn of it: an object of a class is a plain one then.
    if (error instanceof ServerExited && sameReason(error.reason, toldReason(reason))) return;
    throw error;
  }
}
