/** What an actor's function gets as its first argument. */

import type { DownMessage, ExitMessage } from "./exit-signals.ts";
import type { ExitReason } from "./exit-reason.ts";
import type { Pid } from "./pid.ts";

export interface Timeout {
  /**
   * How long to wait for a message that matches, in milliseconds. 0 or less only looks, `Infinity` waits for ever. Messages that
   * do not match do not restart it.
   */
  readonly timeoutMs: number;
}

/**
 * An actor, from its own inside. Only its own function should use it; to others it shows as its pid.
 *
 * Once the actor has exited, everything here fails with an ExitError (`ACTOR_EXITED`) whose `reason` says why. Erlang's
 * processes simply stop; an async function goes on until it next awaits one of these, so `finally` blocks run. An actor that
 * was killed is not resumed at all.
 */
export interface Self<M = any> {
  readonly pid: Pid<M>;

  /**
   * Takes the oldest message, or the oldest that `match` accepts; the others stay in place and in order. Waits if there is none;
   * with `timeoutMs` not for ever: then it resolves to `undefined`, as for a message that is `undefined`. A timeout is no error, as `after`
   * in Erlang is none.
   *
   * `match` is called once for each message, on this actor's turn; what it throws is thrown here. One receive at a time: a
   * second one meanwhile rejects with `ACTOR_RECEIVES_TWICE`. A `timeoutMs` that is no number rejects with `ACTOR_INVALID`.
   */
  receive(): Promise<M>;
  receive(timeout: Timeout): Promise<M | undefined>;
  receive<T>(match: (message: any) => message is T): Promise<T>;
  receive<T>(match: (message: any) => message is T, timeout: Timeout): Promise<T | undefined>;
  receive(match: (message: M) => boolean): Promise<M>;
  receive(match: (message: M) => boolean, timeout: Timeout): Promise<M | undefined>;

  /**
   * Whether exit signals of links, and those sent with `exit`, become messages (`ExitMessage`) instead of ending the actor.
   * False unless set. The signal `kill` cannot be trapped.
   */
  trapExit: boolean;

  /**
   * Links this actor and another: when one exits, the other gets an exit signal. Both ways, at most one link for a pair. If there
   * is no such actor this one gets the exit signal `noproc`; unless it traps exits this ends it, and `link` throws when the other was
   * on this thread.
   */
  link(pid: Pid<never>): void;

  /** Takes the link away. After it no exit signal from that link arrives; one that is in the mailbox already stays there. */
  unlink(pid: Pid<never>): void;

  /**
   * Asks for a `DownMessage` when the other exits; with the reason `noproc` if there is no such actor. Each call is a monitor of its
   * own, and each gives exactly one message.
   *
   * @returns the number by which to recognise the message, and to take the monitor away.
   */
  monitor(target: Pid<never> | string): number;

  /** Takes a monitor away. With `flush` its DOWN message is also taken out of the mailbox, should it be there already. */
  demonitor(ref: number, options?: { readonly flush?: boolean }): void;

  /** Exits with this reason, by throwing it (an ExitError): what is in `finally` runs. As `exit/1` in Erlang it can be caught. */
  exit(reason: ExitReason): never;
  /** Sends an exit signal from this actor, as `exit/2` in Erlang. `exit(self.pid, "normal")` ends this actor. */
  exit(pid: Pid<never>, reason: ExitReason): void;

  /**
   * As the function `call`, and the call ends when this actor does. Prefer it inside of actors.
   */
  call<C extends CallTypes, const R extends C[0]>(
    server: ServerPid<C> | string,
    request: R,
    timeoutMs?: number,
  ): Promise<ReplyTo<C, R>>;

  /** Aborts when the actor exits: to be given to what the actor waits for outside, such as `fetch`. */
  readonly signal: AbortSignal;
}

/** The pairs of request and reply a server knows: `["get", number] | [{ add: number }, void]`. */
export type CallTypes = readonly [request: any, reply: any];

/** What the reply to a request is. */
export type ReplyTo<C extends CallTypes, R> = C extends readonly [infer Request, infer Reply]
  ? R extends Request
    ? Reply
    : never
  : never;

/** The pid of a server: what may be called (pairs of request and reply), cast, and sent. */
export type ServerPid<C extends CallTypes = any, Cast = any, Info = any> = Pid<Info> & {
  readonly "~calls": readonly [call: C, cast: (message: Cast) => void];
};

/** What an actor that traps exits or monitors others finds in its mailbox beside its messages. */
export type SystemMessage = ExitMessage | DownMessage;
