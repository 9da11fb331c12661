/**
 * The run queue of a thread: decides which task or actor goes on next. Async functions are the coroutines, so the queue does
 * not run code itself: a turn settles the promise its unit awaits (or makes its first call), and V8 goes on from there.
 *
 * Invariants
 * - One unit has the turn at a time. The next gets it when the unit parks (`parked`). If the unit awaits something that is
 *   not ours (a fetch, a file), the next gets it when the microtasks are drained: no unit is in the middle of anything then.
 * - Units that need no turn of their own (tasks) share one: `share`. They go on side by side, in the order in which they were
 *   woken, until the microtasks are drained. Only then another unit gets the turn. Nobody is `current` meanwhile. A unit that
 *   such a turn wakes goes on in the same turn, without the queue, if the queue is empty and the round's time is not up
 *   (`resumesAtOnce`): this is the common case, and costs a promise and two comparisons.
 * - A round ends after `ROUND_BUDGET_MS`. The next begins after timers and I/O have run. So two units that wake each other
 *   for ever starve nothing. If timers and I/O have taken longer than that, the next round may take as long as they have, up to
 *   `LONGEST_ROUND_MS`: on a busy thread with thousands of connections, units would otherwise get a hundredth of its time.
 * - While units wait for their turn, the program stays alive. An empty queue keeps nothing alive.
 * - `current` is the unit that got the turn last and has not parked since. It is undefined outside of microtasks. It does not
 *   say whose code runs: a unit that has started something and not awaited it goes on after it has parked, and a promise that
 *   several units share resumes all of them. `running-unit.ts` says whose code runs.
 * - Where units may be ended in the middle of a stretch (`isInterruptible`), a round begins when nothing else is queued: no
 *   microtask and no tick of other code, because the termination would drop them. It begins in a microtask, where node's
 *   own code has nothing half done.
 *
 * Rejected: that actors share a turn too, with V8's microtask queue as the run queue. A unit that is terminated while it runs
 * drops the queued microtasks of all others. Tasks are not terminated, and no actor goes on beside them.
 * Rejected: reading the clock at every turn. That costs a third of a turn. While turns are short, the clock is read at some
 * of them, and the time since the last read is charged to the unit that has the turn: a sample, as in a profiler. When a unit
 * runs long, every turn is measured for a while. Time that can't be attributed is dropped.
 */

import { AsyncResource, executionAsyncResource } from "node:async_hooks";
import type { TurnView } from "../supervise/inspect/turn-look.ts";
import { setImmediate } from "../kit/native-timers.ts";
import { entryOfStack, keepImmediates } from "../platform/node-internals/terminated.ts";

/** A unit that can get the turn. */
export interface Turn {
  /** Continues, by settling what it awaits. Must not throw. */
  run(): void;
  /** Is charged for run time. */
  charge?(elapsedMs: number): void;
  /** Describes the unit. Undefined: its current stretch must not be cut off. */
  view?(): TurnView | undefined;
  /** Its stretch was cut off: it never continues. A unit without `cutOff` must not be ended. One with it runs in `runAs`. */
  cutOff?(): void;
  /** Its stretch is no microtask, and nothing of others is on its stack. */
  readonly isApart?: boolean;
  /** Its `run` calls `share`: it may go on beside others that do. */
  readonly isShared?: boolean;
}

/** How long units run before timers and I/O get their turn. */
export const ROUND_BUDGET_MS = 1;

const LONGEST_ROUND_MS = 25;

/** At most this many turns between two reads of the clock: some microseconds, while turns are short. */
const MAX_TURNS_UNWATCHED = 32;

/** Longer than `MAX_TURNS_UNWATCHED` short turns take: some unit runs long. */
const LONG_MS = 0.1;

/** After a unit ran long, the clock is read at every turn, for this many turns, to find out which unit it is. */
const EXACT_TURNS = 256;

/** Units must not inherit the async context of the unit that had the turn before them. Five times as fast as a snapshot. */
const noContext: AsyncResource = new AsyncResource("heddle");

function inNoContext<T>(run: () => T): T {
  return noContext.runInAsyncScope(run);
}

/** Finds the units that are lost with one that is ended in the middle of a stretch (lost-units.ts). */
export interface OthersBeside {
  /** While the thread is paused. */
  before(this: void): void;
  after(this: void): void;
}

const settled: Promise<void> = Promise.resolve();

/** Otherwise Node ends the process: it finds the async id of a terminated callback. Threads are started so (supervise/start-thread.ts). */
const mayEndCallbacks: boolean = process.execArgv.includes("--no-force-async-hooks-checks");

/**
 * - `idle`: no unit waits for a turn.
 * - `begins`: a round is about to begin.
 * - `drains`: units run; the queue is checked again when the microtasks are drained.
 * - `pauses`: the budget is spent; the queue is checked after timers and I/O.
 */
type Phase = "idle" | "begins" | "drains" | "pauses";

export class RunQueue {
  /** The unit that has the turn. */
  current: Turn | undefined;
  /** What has begun this turn: the unit itself, or a promise of this library that it awaits. */
  #beganBy: Turn | undefined;
  /** Units of this thread may be ended in the middle of a stretch. */
  isInterruptible: boolean = false;
  /** The running callback is the runtime's own: when its microtasks are drained, only its own ticks are left. */
  isOwnCallback: boolean = false;
  /** Called when a round has ended and no unit waits for a turn. */
  onIdle: (() => void) | undefined = undefined;
  /** A unit was ended, and others may have lost what they waited for. */
  onCutBeside: (() => void) | undefined = undefined;
  readonly #budgetMs: number;
  #phase: Phase = "idle";
  /** A ring buffer. Its length is a power of two, so that a mask finds places. */
  #ring: (Turn | undefined)[] = emptyRing(64);
  #mask: number = 63;
  #first: number = 0;
  #length: number = 0;
  /** Whether `#pass` is on the stack, and whether a unit it started has parked already. */
  #passing: "no" | "yes" | "again" = "no";
  /** Where units may be ended: the unit that had the turn has parked, and the next one gets it in a microtask. */
  #passIsDue: boolean = false;
  /** A unit passes the turn on in its own async context. */
  #isInContext: boolean = false;
  /** Since the microtasks were last drained, some unit has gone on that shares its turn. */
  #isShared: boolean = false;
  #roundStartMs: number = 0;
  /** How long this round may last. */
  #roundBudgetMs: number;
  #roundMs: number = 0;
  #sampledMs: number = 0;
  #turnsUntilSample: number = 1;
  #turnsPerSample: number = 1;
  /** Samples since a unit last ran long. Negative: this many exact ones are still to be made. */
  #calm: number = 0;
  readonly #afterMicrotasks: () => void;
  readonly #go: () => void;
  readonly #goInMicrotask: () => void;
  readonly #pass: () => void;
  readonly #passInTime: () => void;

  constructor(budgetMs: number = ROUND_BUDGET_MS) {
    this.#budgetMs = this.#roundBudgetMs = budgetMs;
    const handBack = (): void => this.#handBack();
    // A tick that is scheduled within a microtask runs when all microtasks are done.
    this.#afterMicrotasks = () => process.nextTick(handBack);
    this.#go = () => this.#round();
    this.#goInMicrotask = () => void settled.then(this.#go);
    this.#pass = () => this.#passOn();
    this.#passInTime = () => {
      if (!this.#passIsDue) return;
      this.#passIsDue = false;
      inNoContext(this.#pass);
    };
  }

  /** How many units wait for their turn. */
  get length(): number {
    return this.#length;
  }

  /** No unit has a turn or waits for one. */
  get isIdle(): boolean {
    return this.#phase === "idle";
  }

  /** Puts a unit at the end of the queue. */
  add(turn: Turn): void {
    if (this.#length > this.#mask) this.#grow();
    this.#ring[(this.#first + this.#length) & this.#mask] = turn;
    this.#length += 1;
    if (this.#phase === "idle") {
      this.#startClock(this.#budgetMs);
      if (this.isInterruptible && this.isOwnCallback) {
        this.#phase = "begins";
        void settled.then(this.#afterMicrotasks);
      } else this.#begin();
    }
  }

  /**
   * Call it in `run`: the unit goes on without a turn of its own, and so may the next ones in the queue. Returns whether it is
   * the first in this turn.
   */
  share(): boolean {
    const isFirst = !this.#isShared;
    this.current = undefined;
    this.#isShared = true;
    if (this.#passing !== "no") this.#passing = "again";
    return isFirst;
  }

  /**
   * Whether a unit that shares its turn, and is woken now, may go on in this turn. Otherwise it joins the queue: another unit
   * has the turn, others are queued before it, or timers and I/O have waited long enough.
   */
  resumesAtOnce(): boolean {
    if (this.current !== undefined || this.#length > 0 || this.#phase !== "drains") return false;
    this.#turnsUntilSample -= 1;
    return this.#turnsUntilSample > 0 || !this.#isUpNow();
  }

  #isUpNow(): boolean {
    this.#sample();
    return this.#sampledMs - this.#roundStartMs > this.#roundBudgetMs;
  }

  /** The unit parks: the next one gets the turn. A unit that does not have the turn may call it too. */
  parked(turn: Turn): void {
    if (turn !== this.current || this.#passIsDue) return;
    const before = this.#isInContext;
    this.#isInContext = true;
    this.#passOn();
    this.#isInContext = before;
  }

  /** Call it in `run` for the first stretch of a unit: the unit that has passed the turn on is on the stack, and so is its context. */
  begins(stretch: () => void): void {
    if (this.#isInContext) inNoContext(stretch);
    else stretch();
  }

  /**
   * The unit parks, or goes on beside what it has begun. Where units may be ended, the next one gets the turn in a microtask: if
   * this one computes on, it is ended before the next one was resumed. That takes a fifth to a half of a turn, so that only
   * operations use it that are often begun without an `await`.
   */
  mayPark(turn: Turn): void {
    if (!this.isInterruptible) return this.parked(turn);
    if (turn !== this.current || this.#passIsDue) return;
    this.#passIsDue = true;
    void settled.then(this.#passInTime);
  }

  /**
   * Whether another unit than this one was resumed and has not parked since. If this one is ended now, the other may never
   * continue: its continuation may be among what is dropped.
   */
  hasResumedAnother(unit: Turn): boolean {
    const { current } = this;
    if (this.#isShared) return true;
    return !this.#passIsDue && current !== undefined && current !== unit && current.view !== undefined;
  }

  /** Whether this unit has the turn because it was started, or got what `receive` waits for: then its own function runs. */
  hasBegun(unit: Turn): boolean {
    return this.current === unit && this.#beganBy === unit;
  }

  /**
   * Whether the round's budget is spent: then a unit that could go on without parking joins the queue instead. Reads the
   * clock, so call it only once in a while.
   */
  isOverBudget(): boolean {
    return performance.now() - this.#roundStartMs > this.#roundBudgetMs;
  }

  /** performance.now() at the beginning of the round, in whole milliseconds: good to about one, and free. */
  nowMs(): number {
    return this.#phase === "idle" ? Math.floor(performance.now()) : this.#roundMs;
  }

  /**
   * This unit is about to be ended: nothing of its stretch, nor what that has queued, will run. Called while the thread is
   * paused in the middle of the stretch (interruption.ts). False: what others have queued would be lost for certain.
   *
   * Microtasks that are queued are dropped if the stretch is one itself; a callback of a timer or an immediate is none. Some of them may be
   * others': units that wait for them are found (`others`). Outside of the unit's own turn, in which they come of what it has done
   * itself, code of no unit may wait for ever too (`onCutBeside`).
   */
  condemn(unit: Turn | undefined, others?: OthersBeside): boolean {
    const entry = entryOfStack();
    if (entry !== "elsewhere" && !mayEndCallbacks) return false;
    const running = entry === "immediate" ? executionAsyncResource() : undefined;
    const restore = running && inNoContext(() => keepImmediates(running));
    if (entry === "immediate" && restore === undefined) return false;
    const isAlone = entry !== "elsewhere" || unit === undefined || unit === this.current || unit.isApart === true;
    // In its own turn it may have settled what others wait for.
    const dropsMicrotasks = entry === "elsewhere" && unit?.isApart !== true;
    if (dropsMicrotasks) others?.before();
    inNoContext(() => {
      const goOn: NodeJS.Immediate = setImmediate(() => {
        restore?.(goOn);
        // In a callback of its own: nothing of this one is left then.
        if (dropsMicrotasks && others !== undefined) setImmediate(() => others.after());
        this.#goOnWithout(unit, isAlone);
      });
    });
    return true;
  }

  #goOnWithout(turn: Turn | undefined, isAlone: boolean): void {
    this.current = this.#beganBy = undefined;
    this.#passing = "no";
    this.#passIsDue = false;
    // The check of the queue that was to follow the microtasks is lost with them.
    if (this.#phase !== "pauses") this.#handBack();
    turn?.cutOff?.();
    if (!isAlone) this.onCutBeside?.();
  }

  #begin(): void {
    this.#phase = "begins";
    // When an immediate runs, nothing else is queued: Node drains ticks and microtasks before each.
    if (this.isInterruptible) setImmediate(this.#goInMicrotask);
    else process.nextTick(this.#go);
  }

  #round(): void {
    this.#phase = "drains";
    inNoContext(this.#pass);
    void settled.then(this.#afterMicrotasks);
  }

  #handBack(): void {
    this.#sample();
    this.current = this.#beganBy = undefined;
    this.#passIsDue = this.#isInContext = false;
    this.#isShared = false;
    if (this.#phase === "pauses") return;
    if (this.#length === 0) this.#rest();
    else if (this.#phase === "begins") this.#goInMicrotask();
    else if (this.isInterruptible) this.#begin();
    else this.#round();
  }

  #rest(): void {
    this.#phase = "idle";
    this.onIdle?.();
  }

  #passOn(): void {
    if (this.#passing !== "no") {
      this.#passing = "again";
      return;
    }
    do {
      this.#turnsUntilSample -= 1;
      if (this.#turnsUntilSample <= 0 || this.#length === 0) this.#sample();
      if (this.#length === 0 || this.#phase === "pauses" || this.#mustDrain()) {
        this.current = undefined;
        break;
      }
      this.#passing = "yes";
      const turn = this.#shift();
      this.current = this.#beganBy = turn;
      turn.run();
    } while (this.#isAgain());
    this.#passing = "no";
  }

  /** The next one needs a turn of its own, and others that share theirs have not gone on yet. */
  #mustDrain(): boolean {
    return this.#isShared && this.#ring[this.#first]!.isShared !== true;
  }

  #shift(): Turn {
    const turn = this.#ring[this.#first]!;
    this.#ring[this.#first] = undefined;
    this.#first = (this.#first + 1) & this.#mask;
    this.#length -= 1;
    return turn;
  }

  /** A unit that was started, not resumed, has already run its first stretch, and may have parked in it. */
  #isAgain(): boolean {
    return this.#passing === "again";
  }

  #sample(): void {
    const nowMs = performance.now();
    const elapsedMs = nowMs - this.#sampledMs;
    this.#sampledMs = nowMs;
    if (elapsedMs < LONG_MS) this.#calm += 1;
    else this.#calm = -EXACT_TURNS;
    if (this.#turnsPerSample === 1 || elapsedMs < LONG_MS) this.current?.charge?.(elapsedMs);
    this.#turnsPerSample = Math.max(1, Math.min(MAX_TURNS_UNWATCHED, this.#calm));
    this.#turnsUntilSample = this.#turnsPerSample;
    if (this.#phase === "drains" && nowMs - this.#roundStartMs > this.#roundBudgetMs) this.#pause();
  }

  #pause(): void {
    if (this.#length === 0) return;
    this.#phase = "pauses";
    const pausedMs = this.#sampledMs;
    setImmediate(() => {
      const othersMs = performance.now() - pausedMs;
      this.#startClock(Math.max(this.#budgetMs, Math.min(othersMs, LONGEST_ROUND_MS)));
      this.#phase = "begins";
      this.#goInMicrotask();
    });
  }

  #startClock(budgetMs: number): void {
    this.#roundBudgetMs = budgetMs;
    this.#roundStartMs = this.#sampledMs = performance.now();
    this.#roundMs = Math.floor(this.#roundStartMs);
  }

  #grow(): void {
    const ring = emptyRing(this.#ring.length * 2);
    for (let i = 0; i < this.#length; i++) ring[i] = this.#ring[(this.#first + i) & this.#mask];
    this.#ring = ring;
    this.#mask = ring.length - 1;
    this.#first = 0;
  }
}

function emptyRing(size: number): (Turn | undefined)[] {
  const ring: (Turn | undefined)[] = [];
  ring.length = size;
  return ring;
}

/** The run queue of this thread, for its tasks and its actors together. */
export const runQueue: RunQueue = new RunQueue();

/** Operations between two reads of the clock. */
const UNWATCHED = 64;
let unwatched = UNWATCHED;

/**
 * Whether an operation that need not wait must still let others run, because the round's time is up: a loop of such operations would
 * hold up its thread for ever.
 */
export function isTimeUp(): boolean {
  if (--unwatched > 0) return false;
  unwatched = UNWATCHED;
  return runQueue.isOverBudget();
}
