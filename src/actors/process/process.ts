/**
 * An actor as its thread sees it: a mailbox, and an async function that is resumed one message at a time.
 *
 *   starting ─▶ running ⇄ parked ─▶ runnable ─▶ running          any ─▶ dead
 * `running` also means that it awaits a promise from outside this library; the two can't be distinguished.
 *
 * Invariants
 * - It is in the run queue exactly while it is `starting` or `runnable` (one that dies there is skipped at its turn).
 * - `parked` is set exactly while `receive` waits. It settles the promise that the actor's function awaits.
 * - The mailbox is searched only in the actor's own turn, so the run time of its `match` is charged to it.
 * - After its death an actor is resumed at most once, in a turn of its own, to unwind (`finally` runs), and not at all if it was
 *   killed. If it was not waiting here when it died, its next operation rejects instead. After that its operations never
 *   settle, and nothing holds who awaits them: a loop that catches everything stops, and is collected.
 * - Its code runs in its own async context (runtime/running-unit.ts), so `currentProcess` is exact, whatever it has awaited.
 * Memory: a million of these are parked at once. Fields that few actors need are in `extra`, made at first use. The object is
 * its own pid. The only closures are those that a promise needs.
 */

import { addUnits, type Bystander } from "../../runtime/lost-units.ts";
import { isTimeUp, runQueue } from "../../runtime/run-queue.ts";
import { becomes, runAs, runningUnit } from "../../runtime/running-unit.ts";
import { HeddleError } from "../../errors/errors.ts";
import { badDuration, isDuration } from "../../kit/durations.ts";
import { clearDeadline, startDeadline } from "../messaging/deadlines.ts";
import { wrongReceive } from "../arguments/receive-arguments.ts";
import { ExitError, isCrash, reasonOf, type ExitReason } from "./exit-reason.ts";
import type { RareFields } from "./rare-fields.ts";
import { DEFAULT_MAILBOX_LIMIT, Mailbox, nothing, type MailboxLimits } from "../messaging/mailbox.ts";
import { Pid } from "./pid.ts";
import {
  Ended,
  Parked,
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

/** All actors of this thread that have not exited. */
export const processes: Process[] = [];

addUnits(() => processes);

/** Removes those for which `isTaken` returns true, for a collection that finds leaks. Nothing may run before `restoreProcesses`. */
export function takeProcesses(isTaken: (process: Process) => boolean): void {
  const kept = processes.filter((process) => !isTaken(process));
  processes.length = 0;
  restoreProcesses(kept);
}

/** Adds those that are not in the list. */
export function restoreProcesses(some: readonly Process[]): void {
  for (const process of some) {
    if (processes[process.index] !== process) process.index = processes.push(process) - 1;
  }
}

let lastId = 0;

export abstract class Process extends Pid implements Bystander {
  status: Status = "starting";
  parked: Parked | undefined = undefined;
  wait: Wait | Body | undefined;
  /**
   * A message that bypasses the mailbox: it came as the first one before the first receive. It is older than those in the
   * mailbox.
   */
  next: unknown = nothing;
  mailbox: Mailbox | undefined = undefined;
  extra: RareFields | undefined = undefined;
  /** What its function returns. Nothing else may keep it (runtime/lost-units.ts). */
  ending: Promise<unknown> | undefined = undefined;
  index: number;
  readonly functionName: string;
  received: number = 0;
  turns: number = 0;
  runMicros: number = 0;

  constructor(body: Body, args: readonly unknown[]) {
    super(++lastId);
    this.wait = args.length === 0 ? body : new Start(body, args);
    this.index = processes.push(this) - 1;
    this.functionName = body.name;
  }

  /** It was resumed to unwind. */
  abstract unwinds(): void;

  abstract lost(): void;

  /** Ends it, and informs links, monitors, names and groups. */
  abstract die(reason: ExitReason, rest: Rest): void;

  get isElsewhere(): boolean {
    return this.status === "running";
  }

  /** Others than the library keep it until it ends. So only `ending` shows that it can never go on. */
  get isKept(): boolean {
    return false;
  }

  /** Its function threw. */
  crashed(error: unknown): void {
    crashes.report(this, error);
  }

  /** The name of its function, or what it is for: for display. */
  get label(): string | undefined {
    return this.extra?.label ?? (this.functionName === "" ? undefined : this.functionName);
  }

  /** Who has spawned it with a link: its supervisor, if it has one. */
  get parent(): Pid | undefined {
    return this.extra?.parent;
  }

  get limits(): MailboxLimits {
    return this.extra?.limits ?? defaultLimits;
  }

  /** Puts a message into the mailbox. It must be a copy; from here on the actor owns it. */
  deliver(message: unknown): Overflowed | undefined {
    const { status } = this;
    if (status === "parked" && this.wait === undefined) {
      // The common case: it waits for any message, so its mailbox is empty.
      this.received += 1;
      this.parked!.message = message;
      this.status = "runnable";
      runQueue.add(this);
      return undefined;
    }
    if (status === "starting" && this.mailbox === undefined && this.next === nothing) {
      this.received += 1;
      this.next = message;
      return undefined;
    }
    return status === "dead" ? undefined : enqueue(this, message);
  }

  /** Like `deliver`, for messages that must arrive: exit and DOWN messages. Only an actor that asked for them gets them. */
  deliverSignal(message: unknown): void {
    if (this.status === "dead") return;
    mailboxOf(this).push(message);
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
    if (this.status === "dead" || this.parked !== undefined) return refuseReceive(this);
    const { mailbox, next } = this;
    if (mailbox !== undefined && mailbox.length > 0) return goOnWith(this, mailbox.shift());
    if (next !== nothing) {
      this.next = nothing;
      return goOnWith(this, next);
    }
    const parked = new Parked();
    // An inline executor is cheaper than a shared one: V8 can inline it.
    const promise = new Promise((resolve) => {
      parked.resume = resolve;
    });
    this.parked = parked;
    this.status = "parked";
    runQueue.parked(this);
    return promise;
  }

  run(): void {
    this.turns += 1;
    const { status } = this;
    if (status === "runnable" && this.wait === undefined) {
      const parked = this.parked!;
      const message = parked.message === nothing ? this.mailbox!.shift() : parked.message;
      // What has woken it was a DOWN message, and its own code has flushed that.
      if (message === nothing) {
        this.status = "parked";
        return runQueue.parked(this);
      }
      this.parked = undefined;
      if (this.extra !== undefined && this.extra.fullTold !== undefined) reading.notice(this);
      this.status = "running";
      parked.resume!(message);
    } else if (runQueue.isInterruptible || status === "starting")
      runQueue.begins(() => void settled.then(() => goOn(this)));
    else goOn(this);
  }

  charge(elapsedMs: number): void {
    this.runMicros += Math.round(elapsedMs * 1000) | 0;
  }

  /** The part of dying that concerns this object. The caller informs the others. */
  leave(reason: ExitReason, rest: Rest): void {
    const { wait, status } = this;
    // If its function has returned, nothing is left to unwind. What it has begun and not awaited must not reject unheard.
    if (rest !== "unwinds") this.parked = undefined;
    this.status = "dead";
    this.ending = undefined;
    this.wait = new Ended(reason, rest !== "dropped" && this.parked === undefined);
    // A search that is under way ends here.
    if (this.mailbox !== undefined) this.mailbox.length = 0;
    this.mailbox = undefined;
    this.next = nothing;
    const last = processes.pop()!;
    if (last !== this) {
      processes[this.index] = last;
      last.index = this.index;
    }
    if (wait instanceof Selection) clearDeadline(wait);
    // If it is runnable, it is in the queue already.
    if (status === "parked" && this.parked !== undefined) runQueue.add(this);
  }

  /** The error of everything that it still tries. */
  exited(): ExitError {
    return new ExitError(this.wait instanceof Ended ? this.wait.reason : "normal", "ACTOR_EXITED");
  }

  /** What an operation gives that it begins after its end. The first may be what unwinds it. */
  afterEnd(): Promise<never> {
    const ended = this.wait as Ended;
    if (ended.mayUnwind) {
      ended.mayUnwind = false;
      return Promise.reject(this.exited());
    }
    runQueue.parked(this);
    return new Promise(() => {});
  }
}

const settled: Promise<void> = Promise.resolve();

/**
 * A turn that calls functions of the program: the actor's own, or the `match` of a receive. Another actor passed the turn on
 * inside of its `receive`. Where actors may be ended, that frame must not be on the stack. An actor always begins in a microtask
 * of its own, for its async context (`becomes`).
 */
function goOn(process: Process): void {
  if (process.status === "starting") start(process);
  else if (process.status === "runnable") resumeSelection(process);
  else unwind(process);
}

/** Its turn after its death: its function is resumed, to unwind. If nothing of it waits, it has died in the queue. */
function unwind(process: Process): void {
  const { parked } = process;
  process.parked = undefined;
  if (parked === undefined) return runQueue.parked(process);
  parked.resume!(Promise.reject(process.exited()));
  process.unwinds();
}

/** For whoever looks into the mailbox, or adds to it: the message that came before the first receive is in it then. */
function mailboxOf(process: Process): Mailbox {
  const mailbox = (process.mailbox ??= new Mailbox());
  if (process.next !== nothing) {
    mailbox.push(process.next);
    process.next = nothing;
  }
  return mailbox;
}

function enqueue(process: Process, message: unknown): Overflowed | undefined {
  const mailbox = mailboxOf(process);
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
  if (process.status === "dead" || process.parked !== undefined) return refuseReceive(process);
  const timeoutMs = options?.timeoutMs;
  if (timeoutMs !== undefined && !isDuration(timeoutMs)) {
    return Promise.reject(badDuration("ACTOR_INVALID", "the timeoutMs of a receive", timeoutMs));
  }
  const mailbox = process.next === nothing ? process.mailbox : mailboxOf(process);
  if (mailbox !== undefined && mailbox.length > 0) {
    let found: unknown;
    try {
      found = matchOrOptions === undefined ? mailbox.shift() : mailbox.take(matchOrOptions);
    } catch (error) {
      return Promise.reject(error);
    }
    // `match` is the program's code, and may have ended this actor.
    if (isDead(process)) return process.afterEnd();
    if (found !== nothing) return goOnWith(process, found);
  }
  if (timeoutMs !== undefined && timeoutMs <= 0) return goOnWith(process, undefined);
  const selection = new Selection(process, matchOrOptions, mailbox?.end() ?? 0);
  if (timeoutMs !== undefined && timeoutMs !== Infinity) startDeadline(timeoutMs, selection);
  process.wait = selection;
  return park(process, "parked");
}

function park(process: Process, status: "parked" | "runnable"): Promise<unknown> {
  const parked = new Parked();
  const promise = new Promise((resolve) => {
    parked.resume = resolve;
  });
  process.parked = parked;
  process.status = status;
  if (status === "runnable") runQueue.add(process);
  runQueue.parked(process);
  return promise;
}

/** It goes on at once, unless others have waited long enough. */
function goOnWith(process: Process, message: unknown): Promise<unknown> {
  if (process.extra !== undefined && process.extra.fullTold !== undefined) reading.notice(process);
  if (!isTimeUp()) return Promise.resolve(message);
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
      // `match` is this actor's code. It must not run in the context of the actor that has passed the turn on.
      message = selection.match === undefined ? search(process) : runAs(process, search);
    } catch (error) {
      message = Promise.reject(error);
    }
    if (isDead(process)) return unwindFrom(process, message);
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
  const { resume } = process.parked!;
  process.parked = undefined;
  resume!(message);
}

function isDead(process: Process): boolean {
  return process.status === "dead";
}

/** It has died in its own `match`, while it was in no queue. What was found or thrown is of no use any more. */
function unwindFrom(process: Process, found: unknown): void {
  if (found instanceof Promise) found.catch(() => {});
  unwind(process);
}

function search(process: Process): unknown {
  const { mailbox } = process;
  const selection = process.wait as Selection;
  let found: unknown = nothing;
  if (mailbox !== undefined) {
    found = selection.match === undefined ? mailbox.shift() : mailbox.take(selection.match, selection.after);
    if (found === nothing) selection.after = mailbox.end();
  }
  return found === nothing && selection.expired ? undefined : found;
}

/** Its first turn, in its own async context. */
function start(process: Process): void {
  becomes(process);
  const wait = process.wait as Start | Body;
  process.wait = undefined;
  process.status = "running";
  try {
    const ending =
      typeof wait === "function" ? wait(process as never) : wait.body(process as never, ...(wait.args as never[]));
    const ended = ending instanceof Promise ? ending : Promise.resolve(ending);
    // The same two functions for all actors: they find theirs by the async context.
    void ended.then(hasReturned, hasThrown);
    if (!isDead(process)) process.ending = ended;
  } catch (error) {
    hasThrown(error);
  }
}

function hasReturned(): void {
  end(runningUnit() as Process, "normal");
}

function hasThrown(error: unknown): void {
  const process = runningUnit() as Process;
  if (process.status !== "dead" && isCrash(error)) process.crashed(error);
  end(process, reasonOf(error));
}

function end(process: Process, reason: ExitReason): void {
  if (process.status !== "dead") process.die(reason, "returned");
  (process.wait as Ended).hasReturned = true;
  runQueue.parked(process);
}

function refuseReceive(process: Process): Promise<never> {
  if (process.status === "dead") return process.afterEnd();
  const message = `${process.toString()} waits for a message already; await each receive.`;
  return Promise.reject(new HeddleError("ACTOR_RECEIVES_TWICE", message));
}

/** Called when an actor whose mailbox was full reads a message. Set by `sending.ts`. */
export const reading: { notice: (process: Process) => void } = { notice: () => {} };

/** Called when an actor throws, because no other actor may notice. Set by `crash-report.ts`. */
export const crashes: { report: (process: Process, thrown: unknown) => void } = { report: () => {} };

/** The actor whose code runs, also after any await. Undefined: the code belongs to no actor. */
export function currentProcess(): Process | undefined {
  const unit = runningUnit();
  return unit instanceof Process ? unit : undefined;
}
