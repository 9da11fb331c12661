/**
 * Servers: actors that hold a state and answer requests, like OTP's `gen_server`.
 *
 *   init ─▶ ┌ a call ─▶ handleCall ┐
 *           │ a cast ─▶ handleCast ├─▶ next message, with the new state
 *           └ other  ─▶ handleInfo ┘
 *   terminate runs when a callback says stop or throws, on `stop()`, and when the parent exits while the server traps exits. It
 *   never runs when the server is killed or ends by an exit signal that it does not trap.
 *
 * A callback may be async: the next message waits for it. If a callback throws, the server exits with that as the reason, and
 * callers that wait for a reply get it.
 */

import { messageOf } from "../errors/errors.ts";
import type { Spawnable } from "./process/actor.ts";
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
import { ExitError, reasonOf, sameReason, ServerExited, type ExitReason } from "./process/exit-reason.ts";
import { ExitMessage } from "./process/exit-signals.ts";
import { resolveName } from "./registry/registered-names.ts";
import type { Pid } from "./process/pid.ts";
import { crashes } from "./process/process.ts";
import type { Self, ServerPid } from "./process/self.ts";
import { hasStarted, markServer } from "./process/spawn.ts";
import { checkCallbacks, mustAnswer, mustAnswerCall } from "./server-answers.ts";

/** The result of `init` for "do not start, but nothing went wrong". */
export const ignore: unique symbol = Symbol("ignore");

/** How a callback ends the server. */
export interface Stop<State> {
  readonly stop: ExitReason;
  readonly state?: State;
}

/** If `state` is left out, the state stays as it is. */
export type CallAnswer<Reply, State> =
  | { readonly reply: Reply; readonly state?: State }
  /** `reply(from, …)` will be called later. */
  | { readonly noReply: true; readonly state?: State }
  | (Stop<State> & { readonly reply?: Reply });

export type Answer<State> = void | { readonly state: State } | Stop<State>;

type Awaitable<T> = T | PromiseLike<T>;

export interface ServerCallbacks<State, Args extends readonly unknown[], Request, Reply, Cast, Info> {
  /** Returns the first state. If it throws, the server does not start. */
  readonly init: (self: Self, ...args: Args) => Awaitable<State | typeof ignore>;
  readonly handleCall?: (request: Request, state: State, from: From) => Awaitable<CallAnswer<Reply, State>>;
  readonly handleCast?: (message: Cast, state: State) => Awaitable<Answer<State>>;
  /** Messages that are neither calls nor casts: those sent with `send`, exit and DOWN messages. */
  readonly handleInfo?: (message: Info, state: State) => Awaitable<Answer<State>>;
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
): Spawnable<Args, ServerPid<[Request, Reply], Cast, Info>> & {
  readonly "~spawns": ServerPid<[Request, Reply], Cast, Info>;
} {
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

class Server {
  readonly #self: ActorProcess;
  readonly #callbacks: AnyCallbacks;
  #state: unknown;

  constructor(self: ActorProcess, callbacks: AnyCallbacks) {
    this.#self = self;
    this.#callbacks = callbacks;
  }

  async run(args: readonly unknown[]): Promise<void> {
    this.#state = await this.#callbacks.init(this.#self, ...args);
    if (this.#state === ignore) return hasStarted(this.#self, { type: "ignored" });
    hasStarted(this.#self, { type: "started" });
    for (;;) {
      const message = await this.#self.receive();
      let ending: Ending | undefined;
      try {
        ending = await this.#handle(message);
      } catch (error) {
        if (this.#self.status === "dead") throw error;
        if (!(error instanceof ExitError)) crashes.report(this.#self, error);
        ending = { stop: reasonOf(error) };
      }
      if (ending !== undefined) return await this.#terminate(ending);
    }
  }

  #handle(message: unknown): Promise<Ending | undefined> | Ending | undefined {
    if (message instanceof CallMessage) return this.#handleCall(message);
    if (message instanceof CastMessage) return this.#go("handleCast", message.message);
    if (message instanceof ControlMessage) return this.#obey(message);
    if (message instanceof ExitMessage && message.from !== undefined && message.from === this.#self.extra?.parent) {
      return { stop: message.reason };
    }
    return this.#go("handleInfo", message);
  }

  #obey({ from, request }: ControlMessage): Ending | undefined {
    if (isStop(request)) return { stop: request.reason };
    failCall(from, "not_a_supervisor");
    return undefined;
  }

  async #handleCall({ request, from }: CallMessage): Promise<Ending | undefined> {
    const { handleCall } = this.#callbacks;
    if (handleCall === undefined) throw new TypeError("the server was called and has no handleCall");
    const answered = handleCall(request, this.#state, from);
    const answer = isThenable(answered) ? await answered : answered;
    mustAnswerCall(answer);
    if ("state" in answer) this.#state = answer.state;
    if ("stop" in answer) {
      const { stop } = answer;
      return "reply" in answer ? { stop, lastReply: () => sendReply(from, answer.reply) } : { stop };
    }
    if ("reply" in answer) sendReply(from, answer.reply);
    return undefined;
  }

  async #go(name: "handleCast" | "handleInfo", message: unknown): Promise<Ending | undefined> {
    const callback = this.#callbacks[name];
    if (callback === undefined) {
      crashes.report(this.#self, new TypeError(`a message found no callback and was dropped: ${messageOf(message)}`));
      return undefined;
    }
    const answer = await callback(message, this.#state);
    mustAnswer(name, answer);
    if (answer === undefined) return undefined;
    if ("state" in answer) this.#state = answer.state;
    return "stop" in answer ? answer : undefined;
  }

  /** As in OTP, the last reply is sent after `terminate` has run, so the caller finds the server gone. If it threw, too. */
  async #terminate({ stop, lastReply }: Ending): Promise<void> {
    try {
      try {
        await this.#callbacks.terminate?.(stop, this.#state);
      } finally {
        lastReply?.();
      }
    } catch (error) {
      this.#self.die(reasonOf(error), "returned");
    }
    this.#self.die(stop, "returned");
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
    if (error instanceof ServerExited && sameReason(error.reason, reason)) return;
    throw error;
  }
}
