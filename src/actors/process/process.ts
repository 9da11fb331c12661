/**
 * An actor as its thread sees it: a mailbox, and an async function that is resumed one message at a time.
 *
 *   starting ─▶ running ⇄ parked ─▶ runnable ─▶ running          any ─▶ dead
 * `running` also means that it awaits a promise from outside this library; the two can't be distinguished.
 *
 * Invariants
 * - It is in the run queue exactly while it is `starting` or `runnable` (one that dies there is skipped at its turn).
 * - `resume` is set exactly while `receive` waits: it settles the promise that the actor's function awaits.
 * - The mailbox is searched only in the actor's own turn, so the run time of its `match` is charged to it.
 * - After its death an actor is resumed at most once, to unwind (`finally` runs), and not at all if it was killed.
 * Memory: a million of these are parked at once. Fields that few actors need are in `extra`, made at first use. The object is
 * its own pid. The only closures are those that a promise needs.
 */

import { runQueue, type Turn } from "../../runtime/run-queue.ts";
import { HeddleError } from "../../errors/errors.ts";
import { badDuration, isDuration } from "../../kit/durations.ts";
import { clearDeadline, startDeadline } from "../messaging/deadlines.ts";
import { wrongReceive } from "../arguments/receive-arguments.ts";
import { ExitError, reasonOf, type ExitReason } from "./exit-reason.ts";
import type { RareFields } from "./rare-fields.ts";
import { DEFAULT_MAILBOX_LIMIT, Mailbox, nothing, type MailboxLimits } from "../messaging/mailbox.ts";
import { Pid } from "./pid.ts";
import {
  Ended,
  Ready,
  Selection,
  Start,
  type Body,
  type Match,
  type ReceiveOptions,
  type Wait,
} from "../messaging/wait-states.ts";

export type { Body, Match, ReceiveOptions };

/**
 * What happens to the function of an actor that dies. It has `returned`; or it `unwinds` (its `finally` blocks run); or it is
 * `dropped` (nothing of it runs any more).
 */
export type Rest = "returned" | "unwinds" | "dropped";

export type Status = "starting" | "running" | "parked" | "runnable" | "dead";

/** What a full mailbox does with a message. */
export type Overflowed = "refused" | { readonly dropped: unknown };

/** For actors that were spawned without their own limits. */
export let defaultLimits: MailboxLimits = { limit: DEFAULT_MAILBOX_LIMIT, overflow: "error" };

export function setDefaultLimits(limits: MailboxLimits): void {
  defaultLimits = limits;
}

/** How many messages in a row are received without parking between two reads of the clock. */
const RECEIVES_UNWATCHED = 32;

let receives = 0;

/** All actors of this thread that have not exited. */
export const processes: Process[] = [];

let lastId = 0;

export abstract class Process extends Pid implements Turn {
  status: Status = "starting";
  resume: ((value: unknown) => void) | undefined = undefined;
  wait: Wait | undefined;
  /** A message that came while it waited for any message. It bypasses the mailbox. */
  next: unknown = nothing;
  mailbox: Mailbox | undefined = undefined;
  extra: RareFields | undefined = undefined;
  index: number;
  received: number = 0;
  turns: number = 0;
  runMicros: number = 0;
  /** The name of its function. */
  ending: Promise<unknown> | undefined = undefined;

  constructor(body: Body, args: readonly unknown[]) {
    super(++lastId);
    this.wait = new Start(body, args);
    this.index = processes.push(this) - 1;
  }

  /** Ends it, and informs links, monitors, names and groups. */
  abstract die(reason: ExitReason, rest: Rest): void;

  get limits(): MailboxLimits {
    return this.extra?.limits ?? defaultLimits;
  }

  /** Puts a message into the mailbox. It must be a copy; from here on the actor owns it. */
  deliver(message: unknown): Overflowed | undefined {
    const { status } = this;
    if (status === "parked" && this.wait === undefined) {
      // The common case: it waits for any message, so its mailbox is empty.
      this.received += 1;
      this.next = message;
      this.status = "runnable";
      runQueue.add(this);
      return undefined;
    }
    return status === "dead" ? undefined : enqueue(this, message);
  }

  /** Like `deliver`, for messages that must arrive: exit and DOWN messages. Only an actor that asked for them gets them. */
  deliverSignal(message: unknown): void {
    if (this.status === "dead") return;
    (this.mailbox ??= new Mailbox()).push(message);
    this.received += 1;
    this.wake();
  }

  /** Something that it may wait for has changed. */
  wake(): void {
    if (this.status !== "parked") return;
    this.status = "runnable";
    runQueue.add(this);
  }

  receive(match?: Match | ReceiveOptions, options?: ReceiveOptions): Promise<unknown> {
    if (match !== undefined || options !== undefined) return receiveSelectively(this, match, options);
    if (this.status === "dead" || this.resume !== undefined) return Promise.reject(receiveRefused(this));
    const { mailbox } = this;
    if (mailbox !== undefined && mailbox.length > 0) return goOnWith(this, mailbox.shift());
    // An inline executor is cheaper than a shared one: V8 can inline it.
    const promise = new Promise((resolve) => {
      this.resume = resolve;
    });
    this.status = "parked";
    runQueue.parked(this);
    return promise;
  }

  run(): void {
    this.turns += 1;
    const { status, resume } = this;
    if (status === "runnable" && this.wait === undefined) {
      const message = this.next === nothing ? this.mailbox!.shift() : this.next;
      this.next = nothing;
      if (this.extra !== undefined && this.extra.fullTold !== undefined) reading.notice(this);
      this.status = "running";
      this.resume = undefined;
      resume!(message);
    } else if (runQueue.isInterruptible) void settled.then(goOn.bind(this));
    else goOn.call(this);
  }

  charge(elapsedMs: number): void {
    this.runMicros += Math.round(elapsedMs * 1000) | 0;
  }

  /** The part of dying that concerns this object. The caller informs the others. */
  leave(reason: ExitReason, rest: Rest): void {
    const { wait, resume } = this;
    this.status = "dead";
    this.wait = new Ended(reason);
    this.mailbox = this.resume = undefined;
    this.next = nothing;
    const last = processes.pop()!;
    if (last !== this) {
      processes[this.index] = last;
      last.index = this.index;
    }
    if (wait instanceof Selection) clearDeadline(wait);
    if (resume !== undefined && rest !== "dropped") resume(Promise.reject(this.exited()));
  }

  /** The error of everything that it still tries. */
  exited(): ExitError {
    return new ExitError(this.wait instanceof Ended ? this.wait.reason : "normal", "ACTOR_EXITED");
  }
}

const settled: Promise<void> = Promise.resolve();

/**
 * A turn that calls functions of the program: the actor's own, or the `match` of a receive. Another actor passed the turn on
 * inside of its `receive`. Where actors may be ended, that frame must not be on the stack.
 */
function goOn(this: Process): void {
  if (this.status === "runnable") resumeSelection(this);
  else if (this.status === "starting") start(this);
  // It died in the queue.
  else runQueue.parked(this);
}

function enqueue(process: Process, message: unknown): Overflowed | undefined {
  const mailbox = (process.mailbox ??= new Mailbox());
  const { limit, overflow } = process.limits;
  let overflowed: Overflowed | undefined;
  if (mailbox.length >= limit) {
    mailbox.dropped += 1;
    if (overflow === "error") return "refused";
    if (overflow === "dropNewest") return { dropped: message };
    const dropped = mailbox.takeOrdinary();
    if (dropped === nothing) return { dropped: message };
    overflowed = { dropped };
  }
  process.received += 1;
  mailbox.push(message);
  process.wake();
  return overflowed;
}

function receiveSelectively(
  process: Process,
  matchOrOptions: Match | ReceiveOptions | undefined,
  options?: ReceiveOptions,
): Promise<unknown> {
  const wrong = wrongReceive(matchOrOptions, options);
  if (wrong !== undefined) return Promise.reject(wrong);
  if (typeof matchOrOptions === "object") return receiveSelectively(process, undefined, matchOrOptions);
  if (process.status === "dead" || process.resume !== undefined) return Promise.reject(receiveRefused(process));
  const timeoutMs = options?.timeoutMs;
  if (timeoutMs !== undefined && !isDuration(timeoutMs)) {
    return Promise.reject(badDuration("ACTOR_INVALID", "the timeoutMs of a receive", timeoutMs));
  }
  const { mailbox } = process;
  if (mailbox !== undefined && mailbox.length > 0) {
    let found: unknown;
    try {
      found = matchOrOptions === undefined ? mailbox.shift() : mailbox.take(matchOrOptions);
    } catch (error) {
      return Promise.reject(error);
    }
    if (found !== nothing) return goOnWith(process, found);
  }
  if (timeoutMs !== undefined && timeoutMs <= 0) return goOnWith(process, undefined);
  const selection = new Selection(process, matchOrOptions, mailbox?.end() ?? 0);
  if (timeoutMs !== undefined && timeoutMs !== Infinity) startDeadline(timeoutMs, selection);
  process.wait = selection;
  return park(process, "parked");
}

function park(process: Process, status: "parked" | "runnable"): Promise<unknown> {
  const promise = new Promise((resolve) => {
    process.resume = resolve;
  });
  process.status = status;
  if (status === "runnable") runQueue.add(process);
  runQueue.parked(process);
  return promise;
}

/** It goes on at once, unless others have waited long enough. */
function goOnWith(process: Process, message: unknown): Promise<unknown> {
  if (process.extra !== undefined && process.extra.fullTold !== undefined) reading.notice(process);
  receives += 1;
  if (receives % RECEIVES_UNWATCHED !== 0 || !runQueue.isOverBudget()) return Promise.resolve(message);
  process.wait = new Ready(message);
  return park(process, "runnable");
}

function resumeSelection(process: Process): void {
  const { wait } = process;
  let message: unknown;
  if (wait instanceof Ready) message = wait.message;
  else {
    const selection = wait as Selection;
    try {
      message = search(process, selection);
    } catch (error) {
      message = Promise.reject(error);
    }
    if (message === nothing) {
      process.status = "parked";
      runQueue.parked(process);
      return;
    }
    clearDeadline(selection);
  }
  if (process.extra !== undefined && process.extra.fullTold !== undefined) reading.notice(process);
  process.wait = undefined;
  process.status = "running";
  const resume = process.resume!;
  process.resume = undefined;
  resume(message);
}

function search({ mailbox }: Process, selection: Selection): unknown {
  let found: unknown = nothing;
  if (mailbox !== undefined) {
    found = selection.match === undefined ? mailbox.shift() : mailbox.take(selection.match, selection.after);
    if (found === nothing) selection.after = mailbox.end();
  }
  return found === nothing && selection.expired ? undefined : found;
}

function start(process: Process): void {
  const { body, args } = process.wait as Start;
  process.wait = undefined;
  process.status = "running";
  try {
    const ending = body(process as never, ...(args as never[]));
    process.ending = ending instanceof Promise ? ending : Promise.resolve(ending);
    // One bound function for both outcomes, because a million actors have one each. The outcome is read when it is needed.
    const settled = hasSettled.bind(process);
    void process.ending.then(settled, settled);
  } catch (error) {
    hasThrown.call(process, error);
  }
}

function hasSettled(this: Process): void {
  void this.ending!.then(hasReturned.bind(this), hasThrown.bind(this));
}

function hasReturned(this: Process): void {
  end(this, "normal");
}

function hasThrown(this: Process, error: unknown): void {
  if (this.status !== "dead" && !(error instanceof ExitError)) crashes.report(this, error);
  end(this, reasonOf(error));
}

function end(process: Process, reason: ExitReason): void {
  if (process.status !== "dead") process.die(reason, "returned");
  runQueue.parked(process);
}

function receiveRefused(process: Process): HeddleError {
  if (process.status === "dead") return process.exited();
  return new HeddleError(
    "ACTOR_RECEIVES_TWICE",
    `${process.toString()} waits for a message already; await each receive.`,
  );
}

/** Called when an actor whose mailbox was full reads a message. Set by `sending.ts`. */
export const reading: { notice: (process: Process) => void } = { notice: () => {} };

/** Called when an actor throws, because no other actor may notice. Set by `crash-report.ts`. */
export const crashes: { report: (process: Process, thrown: unknown) => void } = { report: () => {} };

/** The actor whose turn it is. Known only until it awaits something outside of this library. */
export function currentProcess(): Process | undefined {
  return runQueue.current instanceof Process ? runQueue.current : undefined;
}
