/** The first argument of an actor's function. */

import type { DownMessage, ExitMessage } from "./exit-signals.ts";
import type { ExitReason } from "./exit-reason.ts";
import type { Pid } from "./pid.ts";

export interface Timeout {
  /**
   * How long to wait for a message that matches, in milliseconds. 0 or less only looks, `Infinity` waits for ever. Messages
   * that do not match do not restart it.
   */
  readonly timeoutMs: number;
}

/**
 * An actor, as its own function sees it. Only that function should use it. Others see its pid.
 *
 * Erlang's processes simply stop. An async function goes on until it next awaits one of these methods. Once the actor has
 * exited, that rejects with an ExitError (`ACTOR_EXITED`), whose `reason` says why, so that `finally` blocks run. After that
 * they never settle, and the function stops where it awaits one. Methods that return no promise throw the ExitError each time.
 * A killed actor is not resumed at all.
 */
export interface Self<M = any> {
  readonly pid: Pid<M>;

  /**
   * Takes the oldest message, or the oldest that `match` accepts. The others stay in order. Waits if there is none. With
   * `timeoutMs` it does not wait for ever: then it resolves to `undefined`, as for a message that is `undefined`. A timeout is
   * not an error, like `after` in Erlang.
   *
   * `match` is called once for each message, on this actor's turn. If it throws, `receive` throws the same. Only one receive at
   * a time: a second one rejects with `ACTOR_RECEIVES_TWICE`. A `timeoutMs` that is not a number rejects with `ACTOR_INVALID`.
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
   * Whether messages sent with `priority` go before the others in the mailbox. False unless set: then they are ordinary
   * messages.
   */
  acceptPriority: boolean;

  /**
   * Links this actor and another: when one exits, the other gets an exit signal. At most one link for a pair. If there is no
   * such actor, this one gets the exit signal `noproc`. Unless it traps exits, that ends it, and `link` throws if the other was
   * on this thread.
   */
  link(pid: Pid<never>): void;

  /** Removes the link. After that no exit signal from it arrives. One that is in the mailbox already stays there. */
  unlink(pid: Pid<never>): void;

  /**
   * Asks for a `DownMessage` when the other exits, or with the reason `noproc` if there is no such actor. Each call makes its
   * own monitor, and each gives exactly one message.
   *
   * @returns the number that identifies the message, and that `demonitor` takes.
   */
  monitor(target: Pid<never> | string): number;

  /** Removes a monitor. With `flush` its DOWN message is also removed from the mailbox, if it is there already. */
  demonitor(ref: number, options?: { readonly flush?: boolean }): void;

  /** Exits with this reason, by throwing it (an ExitError): `finally` blocks run. Like `exit/1` in Erlang it can be caught. */
  exit(reason: ExitReason): never;
  /** Sends an exit signal from this actor, like `exit/2` in Erlang. `exit(self.pid, "normal")` ends this actor. */
  exit(pid: Pid<never>, reason: ExitReason): void;

  /**
   * Like the function `call`, but the call ends when this actor does. Prefer it inside actors.
   */
  call<C extends CallTypes, const R extends C[0]>(
    server: ServerPid<C> | string,
    request: R,
    timeoutMs?: number,
  ): Promise<ReplyTo<C, R>>;

  /**
   * Sends now what this thread has sent to other threads. Without it, that leaves when the actor next awaits: messages to one
   * thread travel together, which gives the throughput. Call it before a long computation. It waits for nobody: when it
   * resolves, the messages are on their way, and not yet received.
   */
  flush(): Promise<void>;

  /** Aborts when the actor exits. Pass it to operations outside of this library, such as `fetch`. */
  readonly signal: AbortSignal;
}

/** The pairs of request and reply a server knows: `["get", number] | [{ add: number }, void]`. */
export type CallTypes = readonly [request: any, reply: any];

/** The reply to a request. */
export type ReplyTo<C extends CallTypes, R> = C extends readonly [infer Request, infer Reply]
  ? R extends Request
    ? Reply
    : never
  : never;

/** The pid of a server: its calls (pairs of request and reply), casts and messages. */
export type ServerPid<C extends CallTypes = any, Cast = any, Info = any> = Pid<Info> & {
  readonly "~calls": readonly [call: C, cast: (message: Cast) => void];
};

/** The other messages of an actor that traps exits or monitors others. */
export type SystemMessage = ExitMessage | DownMessage;
