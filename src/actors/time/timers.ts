/**
 * Messages that are sent later: Erlang's `erlang:send_after`, `timer:send_interval` and `erlang:cancel_timer`.
 *
 * A timer lives on the thread that sets it, in the wheel of the thread's other deadlines (messaging/deadlines.ts).
 *
 * Invariants
 * - The message is copied when the timer is set. So the error of a message that cannot be sent reaches whoever sets it. Only a name
 *   may pass to another worker later: then the message is lost, and a warning tells it.
 * - After `cancelTimer` has returned a number, the timer sends nothing more.
 * - A timer for a pid ends when that actor does, on any thread. A timer for a name looks the name up each time it fires.
 * - An interval keeps its rhythm: it is due at multiples of its period since it was set. Ticks that the thread was too busy for
 *   are sent once, not once each. (OTP sends them all, which floods an actor that is late already.)
 */

import { messageOf } from "../../errors/errors.ts";
import { isDuration } from "../../kit/durations.ts";
import { invalid, mustBeDuration, notAnAddress } from "../arguments/arguments.ts";
import { messageToBytes } from "../across/message-bytes.ts";
import { isHere } from "../across/own-worker.ts";
import { copy } from "../../runtime/copy/copy.ts";
import { pack } from "../../runtime/copy/message-packing.ts";
import { clearDeadline, startDeadline, type Deadline } from "../messaging/deadlines.ts";
import { onMessage, onThreadGone, post, thisThread } from "../messaging/remote.ts";
import { sendTo } from "../messaging/sending.ts";
import { beforeExitSignals } from "../process/exit-signals.ts";
import { isPid, type Pid } from "../process/pid.ts";
import { Process } from "../process/process.ts";
import { exportPid, importPid, localProcess } from "../process/process-table.ts";
import { rareFieldsOf } from "../process/rare-fields.ts";
import { resolveName } from "../registry/registered-names.ts";
import { Via } from "../registry/via.ts";

/** A timer that was set on this thread. It cannot be sent in messages. */
export interface TimerRef {
  /** For its type only. */
  readonly "~timer": true;
}

class Timer implements Deadline, TimerRef {
  declare readonly "~timer": true;
  dueTick: number = 0;
  previousDue: Deadline | undefined = undefined;
  nextDue: Deadline | undefined = undefined;
  readonly #to: Pid | string;
  readonly #message: unknown;
  /** Undefined: it fires once. */
  readonly #everyMs: number | undefined;
  #dueMs: number;
  #isSet: boolean = true;
  /** It was told that a message could not be sent. */
  #isTold: boolean = false;

  constructor(to: Pid | string, message: unknown, delayMs: number, everyMs: number | undefined) {
    this.#to = to;
    this.#message = message;
    this.#everyMs = everyMs;
    this.#dueMs = performance.now() + delayMs;
    if (isPid(to)) addTo(to, this);
    // A message that is never sent keeps nothing alive.
    if (this.#isSet && delayMs !== Infinity) startDeadline(delayMs, this);
  }

  /** How long until it fires; false if it never will. */
  get leftMs(): number | false {
    return this.#isSet && Math.max(0, this.#dueMs - performance.now());
  }

  expire(): void {
    if (this.#everyMs === undefined) this.end();
    else {
      const lateMs = Math.max(0, performance.now() - this.#dueMs);
      this.#dueMs += (Math.floor(lateMs / this.#everyMs) + 1) * this.#everyMs;
      startDeadline(this.#dueMs - performance.now(), this);
    }
    const to = resolveName(this.#to, "the receiver of a timer");
    try {
      // As in Erlang: nobody may have the name any more. A full mailbox drops and counts the message.
      if (to !== undefined) sendTo(to, this.#message, "drop");
    } catch (error) {
      this.#tell(error);
    }
  }

  /** The name has passed to an actor of another worker, which can't get such a message. Nobody waits for this error. */
  #tell(error: unknown): void {
    if (this.#isTold) return;
    this.#isTold = true;
    process.emitWarning(`a message of a timer was not sent to ${this.#to.toString()}: ${messageOf(error)}`, {
      type: "HeddleWarning",
      code: "TIMER_MESSAGE_LOST",
      detail: "Later ones of this timer are not told.",
    });
  }

  end(): void {
    if (!this.#isSet) return;
    this.#isSet = false;
    clearDeadline(this);
    if (isPid(this.#to)) removeFrom(this.#to, this);
  }
}

/**
 * Sends a message to an actor later, once. The message is copied now. If the actor ends before, the timer is cancelled. A
 * timer for a name looks the name up when it fires; if nobody has the name then, nothing happens. A full mailbox drops the
 * message and counts it.
 *
 * Like `setTimeout`, a timer keeps the program running until it has fired or is cancelled.
 *
 * @param delayMs From now on. 0 or less: as soon as timers run. `Infinity`: never.
 * @throws ACTOR_INVALID (the delay is not a number, or `to` is neither a pid nor a name); NOT_CLONEABLE
 */
export function sendAfter<M>(delayMs: number, to: Pid<M> | string, message: NoInfer<M>): TimerRef {
  mustBeDuration(delayMs, "the delay of sendAfter()");
  return newTimer(to as Pid | string, message, delayMs, undefined);
}

/**
 * Sends a message to an actor again and again, the first time after one period, until the actor ends or the timer is
 * cancelled. The period is kept however late a tick is; if the thread was too busy for several ticks, one message is sent for
 * all of them. Otherwise like `sendAfter`.
 *
 * @param everyMs More than 0.
 * @throws ACTOR_INVALID, NOT_CLONEABLE
 */
export function sendInterval<M>(everyMs: number, to: Pid<M> | string, message: NoInfer<M>): TimerRef {
  if (!isDuration(everyMs) || everyMs <= 0 || everyMs === Infinity) {
    throw invalid("the period of sendInterval()", "a number of milliseconds above 0, and not Infinity", everyMs);
  }
  return newTimer(to as Pid | string, message, everyMs, everyMs);
}

/**
 * Cancels a timer of this thread. Returns how many milliseconds were left; then it sends nothing any more. Returns false if it
 * had fired (its message may be in the mailbox), was cancelled, or its actor has ended.
 *
 * @throws ACTOR_INVALID if it is not a timer: a timer stays on the thread that has set it.
 */
export function cancelTimer(timer: TimerRef): number | false {
  const own = ownTimer(timer, "cancelTimer");
  const { leftMs } = own;
  own.end();
  return leftMs;
}

/**
 * How many milliseconds are left until a timer of this thread fires. False as with `cancelTimer`.
 *
 * @throws ACTOR_INVALID
 */
export function readTimer(timer: TimerRef): number | false {
  return ownTimer(timer, "readTimer").leftMs;
}

function ownTimer(timer: TimerRef, by: string): Timer {
  if (timer instanceof Timer) return timer;
  throw invalid(
    `the argument of ${by}()`,
    "a timer that sendAfter() or sendInterval() has returned",
    timer,
    "A timer can be used only on the thread that has set it. Cancel it there, for example on a message.",
  );
}

function newTimer(to: Pid | string, message: unknown, delayMs: number, everyMs: number | undefined): Timer {
  if (typeof to !== "string" && !isPid(to) && !((to as unknown) instanceof Via)) {
    throw notAnAddress(to, "the receiver of a timer");
  }
  const copied = copy(message);
  refuseIfUnsendable(to, copied);
  return new Timer(to, copied, delayMs, everyMs);
}

/** What the receiver could not get on another thread, or in another worker, fails here, and not when the timer fires. */
function refuseIfUnsendable(to: Pid | string, message: unknown): void {
  if (to instanceof Process) return;
  const packed = pack(message);
  const pid = resolveName(to, "the receiver of a timer");
  if (pid !== undefined && !isHere(pid.thread)) messageToBytes([packed]);
}

// Timers end with their actors

/** By the actor they send to. */
const timers: Map<Pid, Set<Timer>> = new Map();

/** Actors of this thread to which other threads have timers. */
const farTimers: Map<Process, Set<number>> = new Map();

function addTo(pid: Pid, timer: Timer): void {
  if (pid instanceof Process) {
    if (pid.status === "dead") return timer.end();
    // Actors without rare fields are not announced when they end.
    rareFieldsOf(pid);
  }
  const ofPid = timers.get(pid);
  if (ofPid !== undefined) ofPid.add(timer);
  else if (pid instanceof Process || post(pid.thread, ["timed", pid.id])) timers.set(pid, new Set([timer]));
  // Its thread has ended.
  else timer.end();
}

function removeFrom(pid: Pid, timer: Timer): void {
  const ofPid = timers.get(pid);
  if (ofPid?.delete(timer) === true && ofPid.size === 0) timers.delete(pid);
}

function endAll(pid: Pid): void {
  for (const timer of timers.get(pid) ?? []) timer.end();
}

beforeExitSignals((process) => {
  endAll(process);
  for (const thread of farTimers.get(process) ?? []) post(thread, ["untimed", exportPid(process)]);
  farTimers.delete(process);
});

onMessage("timed", (thread: number, id: number) => {
  const process = localProcess(id);
  if (process === undefined) {
    post(thread, ["untimed", [thisThread, id]]);
    return;
  }
  rareFieldsOf(process);
  const threads = farTimers.get(process);
  if (threads === undefined) farTimers.set(process, new Set([thread]));
  else threads.add(thread);
});

onMessage("untimed", (_thread: number, pid: readonly [number, number]) => endAll(importPid(pid)));

onThreadGone((gone) => {
  for (const pid of timers.keys()) if (pid.thread === gone) endAll(pid);
  for (const threads of farTimers.values()) threads.delete(gone);
});
