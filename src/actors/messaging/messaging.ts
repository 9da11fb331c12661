/** Functions for everyone, actor or not: send, exit, call, cast, reply. */

import type { Transferable } from "node:worker_threads";
import { invalid, mustBePid, mustBeRef, sentReason } from "../arguments/arguments.ts";
import { checkSend } from "../arguments/send-arguments.ts";
import { checkLimits } from "../arguments/spawn-arguments.ts";
import { callFailed, failAtOnce, From, sendReply, startCall } from "./calls.ts";
import type { ExitReason } from "../process/exit-reason.ts";
import { DownMessage, ExitMessage, signalExit } from "../process/exit-signals.ts";
import { DEFAULT_MAILBOX_LIMIT, type MailboxLimits } from "./mailbox.ts";
import { resolveName, unknownName } from "../registry/registered-names.ts";
import type { Pid } from "../process/pid.ts";
import { currentProcess, setDefaultLimits } from "../process/process.ts";
import { sendWithPriority } from "./priority.ts";
import { castTo, sendTo } from "./sending.ts";
import type { CallTypes, ReplyTo, ServerPid } from "../process/self.ts";

export interface SendOptions {
  /** Buffers and ports that are moved instead of copied. The sender no longer has them. */
  readonly transfer?: readonly Transferable[];
  /**
   * The message goes before ordinary ones in the mailbox, also those of this sender, and behind earlier priority messages. A full
   * mailbox takes it. Only if the receiver accepts it (`self.acceptPriority`); else it is an ordinary message.
   */
  readonly priority?: boolean;
}

/**
 * Sends a copy of a message. Never waits. If the actor has exited, nothing happens, as in Erlang. To another thread it leaves
 * when the running code next awaits; `self.flush()` sends it at once.
 *
 * @throws NAME_UNKNOWN for a name nobody has (sending to a name is an error in Erlang too); NOT_CLONEABLE;
 * ACTOR_MAILBOX_FULL, if the mailbox's overflow policy is `error`. On another thread, the message that finds the mailbox full
 * is dropped and counted there, and later sends throw.
 */
export function send<M>(to: Pid<M> | string, message: NoInfer<M>, options?: SendOptions): void {
  if (options !== undefined) checkSend(options);
  if (options?.priority === true) sendWithPriority(to as Pid | string, message, options.transfer);
  else sendTo(to as Pid | string, message, "throw", options?.transfer);
}

/**
 * Sends an exit signal. `kill` cannot be trapped. The sender is the actor whose code calls it. From other code the signal
 * has no sender (the message's `from` is undefined).
 *
 * @throws NAME_UNKNOWN
 */
export function exit(to: Pid<never> | string, reason: ExitReason): void {
  const pid = resolveName(to as Pid | string, "the receiver of exit()");
  if (pid === undefined) throw unknownName(to as string);
  signalExit(currentProcess(), pid, sentReason(reason, "the reason of exit()"), "sent");
}

/**
 * Asks a server and waits for its reply. It rejects with an ExitError: ACTOR_CALL_FAILED if there is no such server (reason
 * `noproc`), if it is the caller itself (`calling_self`) or if it exits without a reply (its reason), ACTOR_CALL_TIMEOUT, ACTOR_MAILBOX_FULL. An actor that does not catch
 * it exits with that reason, as in OTP. Late replies are dropped.
 *
 * @param timeoutMs Default 5000; `Infinity` waits for ever. With 0 or less the request is sent, and the call times out unless
 * the reply comes before timers run. ACTOR_INVALID if it is not a number.
 */
export function call<C extends CallTypes, const R extends C[0]>(
  server: ServerPid<C> | string,
  request: R,
  timeoutMs?: number,
): Promise<ReplyTo<C, R>> {
  try {
    const pid = resolveName(server as Pid | string, "the server of call()");
    if (pid === undefined) return failAtOnce(callFailed(server as string, "noproc"));
    return startCall(undefined, pid, request, timeoutMs) as Promise<ReplyTo<C, R>>;
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Sends a request for a server's `handleCast`, and does not wait. If there is no such server, nothing happens. */
export function cast<Cast>(server: ServerPid<any, Cast> | string, message: NoInfer<Cast>): void {
  castTo(server as Pid | string, message);
}

/** Replies to a call that `handleCall` has not answered itself. Any actor on any thread may reply. */
export function reply(from: From, value: unknown): void {
  if (!(from instanceof From)) throw invalid("the first argument of reply()", "the `from` of a call", from);
  sendReply(from, value);
}

/** Whether a message says that a watched actor has exited. With a number: whether it is of that monitor. */
export function isDown(message: unknown, ref?: number): message is DownMessage {
  if (ref !== undefined) mustBeRef(ref, "the number for isDown()");
  return message instanceof DownMessage && (ref === undefined || message.ref === ref);
}

/** Whether a message is an exit signal. With a pid: whether it is from that actor. */
export function isExit(message: unknown, from?: Pid<never>): message is ExitMessage {
  if (from !== undefined) mustBePid(from, "the sender for isExit()");
  return message instanceof ExitMessage && (from === undefined || message.from === from);
}

/**
 * The mailbox limits of actors that are spawned without their own, on this thread. Default: 1,000,000 messages, `error`.
 */
export function setMailboxLimits(limits: Partial<MailboxLimits>): void {
  const { limit = DEFAULT_MAILBOX_LIMIT, overflow = "error" } = checkLimits(limits, "what setMailboxLimits() is given");
  setDefaultLimits({ limit, overflow });
}
