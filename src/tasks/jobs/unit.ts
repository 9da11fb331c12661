/**
 * A unit is a task that runs, or will run, on this thread. The scheduler starts units, a dump lists them, and a task's own
 * context belongs to its unit. All units of the thread are in one list, so that a dump needs no other bookkeeping.
 *
 *   queued ──▶ running ⇄ parked ──▶ done
 *     └──────────────────────────▶ done      (cancelled before it started)
 *
 * The list is linked through the units themselves. A million parked tasks are a million of these objects, so every byte of a
 * unit counts. What few units need (a context, a promise) is made on first use. A unit is its own waiter as long as it waits for
 * one thing at a time, and is itself what the run queue runs: first to begin, then to go on.
 *
 * Invariants
 * - `settle` is set while it is its own waiter: from `parksAs` until it is woken. Meanwhile it can't be one again.
 * - While it waits for several things, the others have waiters, which it lists: one of them may be the last that never comes.
 * - Code that it has left running may use it as a waiter after its end. It stays done.
 */

import { type Runtime, LOAD } from "../../runtime/runtime.ts";
import { HeddleError } from "../../errors/errors.ts";
import { perThread } from "../../kit/per-thread.ts";
import { addUnits, type Bystander } from "../../runtime/lost-units.ts";
import { runQueue } from "../../runtime/run-queue.ts";
import { runAs, runningUnit } from "../../runtime/running-unit.ts";
import type { TurnView } from "../../supervise/inspect/turn-look.ts";
import type { CancelableContext } from "../context/context.ts";
import { numberOf } from "./task-names.ts";
import { connected } from "../task-service.ts";
import type { Waiter } from "../waiter.ts";
import { type Settle, Waiting, type Where } from "../wait-queue.ts";

export type UnitState = "queued" | "running" | "parked" | "done";

/** Gets to know when units run, while tasks are traced (inspect/trace-here.ts). */
export interface UnitTracer {
  enter(unit: Unit): void;
  leave(): void;
}

/** Returned by a unit's `call`: it calls its `end`, and has no other outcome. That saves a promise. */
export const ENDS_ITSELF: unique symbol = Symbol("heddle.ends-itself");

export abstract class Unit extends Waiting implements Bystander {
  readonly name: string;
  /** A state, or what it waits for since it last parked. */
  #at: Where = "queued";
  /** performance.now() of the last change of its state, in whole milliseconds: V8 stores integers in the object itself. */
  sinceMs: number;
  /** What `Context.current()` returns in it, made on first use. Or why it was cancelled before. */
  #context: CancelableContext | HeddleError | undefined = undefined;
  /** What its function returns. Nothing else may keep it (runtime/lost-units.ts). */
  ending: Promise<unknown> | undefined = undefined;
  /** What else it waits for, the last first. */
  waiters: Waiter | undefined = undefined;
  older: Unit | undefined;
  newer: Unit | undefined = undefined;

  /** `begin` is called once, in its first turn. */
  constructor(name: string, begin: () => unknown) {
    super(undefined, begin);
    this.name = name;
    this.sinceMs = runQueue.nowMs();
    this.older = units.newest;
    if (units.newest !== undefined) units.newest.newer = this;
    units.newest = this;
  }

  /** The handle's id, for dumps. */
  abstract get id(): string;

  /** Its outcome: one of them is called exactly once, unless it never starts. */
  abstract succeeded(value: unknown): void;
  abstract failed(error: unknown): void;

  /** Another thread may have taken it back. */
  protected mayStart(): boolean {
    return true;
  }

  protected started(): void {}

  /** It never starts: it was taken back, or cancelled before. */
  protected dropped(): void {}

  get state(): UnitState {
    const at = this.#at;
    if (at === "running" && this.waiters !== undefined) return "parked";
    return at === "queued" || at === "running" || at === "done" ? at : "parked";
  }

  get isElsewhere(): boolean {
    return this.#at === "running";
  }

  lost(): void {
    const message = `the task "${this.name}" could not go on: it was resumed together with an actor of its thread that was ended in the middle of a computation, and was lost with it.`;
    this.end();
    this.failed(new HeddleError("TASK_LOST", message));
  }

  /** What it waits for. */
  get where(): Where | undefined {
    if (this.#at === "running") return this.waiters?.where;
    return this.state === "parked" ? this.#at : undefined;
  }

  get isPlain(): boolean {
    return true;
  }

  get isShared(): boolean {
    return true;
  }

  /** Puts it into the thread's run queue, to begin. If another thread has placed it, the board counts it as queued already. */
  place(isCounted: boolean = false): void {
    const { board, self } = here();
    if (!isCounted) board.add(self, LOAD.queued, 1);
    runQueue.add(this);
  }

  run(): void {
    const isAlone = runQueue.share();
    if (this.settle === undefined) this.#start(isAlone);
    else this.#resume(this.value, isAlone);
  }

  #start(isAlone: boolean): void {
    const runtime = here();
    const { board, self } = runtime;
    if (!this.mayStart()) {
      this.withdraw();
      return;
    }
    board.add(self, LOAD.queued, -1);
    if (this.#at === "done") return;
    runtime.begins();
    this.goesOn(isAlone);
    this.started();
    runQueue.begins(() => runAs(this, tracer === undefined ? begin : beginTraced));
  }

  /** Calls the function, once. */
  call(): unknown {
    const fn = this.value as () => unknown;
    this.value = undefined;
    return fn();
  }

  /** It waits, as its own waiter. */
  parksAs(where: Where, settle: Settle, value: unknown): void {
    this.settle = settle;
    this.value = value;
    this.#parks(where);
  }

  /** It waits, and has a waiter for that. */
  parksWith(waiter: Waiter, where: Where): void {
    const { waiters } = this;
    waiter.earlier = waiters;
    if (waiters !== undefined) waiters.later = waiter;
    this.waiters = waiter;
    // What it waits for itself stays known.
    if (this.settle === undefined) this.#parks(where);
  }

  /** The waiter is woken. */
  waited(waiter: Waiter): void {
    const { earlier, later } = waiter;
    if (later === undefined) this.waiters = earlier;
    else later.earlier = earlier;
    if (earlier !== undefined) earlier.later = later;
    waiter.earlier = waiter.later = undefined;
  }

  /** All that it waits for now, the last first. */
  get waits(): Waiting[] {
    const waits: Waiting[] = this.settle === undefined ? [] : [this];
    for (let waiter = this.waiters; waiter !== undefined; waiter = waiter.earlier) waits.push(waiter);
    return waits;
  }

  #parks(where: Where): void {
    if (this.#at !== "done") this.#at = where;
    this.sinceMs = runQueue.nowMs();
  }

  wake(result: unknown): void {
    if (runQueue.resumesAtOnce()) this.#resume(result, false);
    else this.wakeLater(result);
  }

  wakeLater(result: unknown): void {
    this.value = result;
    runQueue.add(this);
  }

  #resume(result: unknown, isAlone: boolean): void {
    const settle = this.settle!;
    this.settle = this.value = undefined;
    this.goesOn(isAlone);
    settle(result);
  }

  /** It has begun, or what it waited for has come. `isAlone`: no other task goes on in this turn. */
  goesOn(isAlone: boolean): void {
    if (this.#at !== "done" && this.settle === undefined) this.#at = "running";
    this.sinceMs = runQueue.nowMs();
    if (isAlone || isShown) show(isAlone ? this : undefined);
  }

  view(): TurnView {
    return { what: "task", id: 0, name: this.name, stretch: this.sinceMs };
  }

  /**
   * Others than the library keep it until it ends. So it is never its own waiter: its waiters show what can wake it, and its
   * `outcome` whether it can go on.
   */
  get isKept(): boolean {
    return false;
  }

  /** Of a unit that is kept: what its function returns, if others do not keep that. So it is gone when nothing can resume the function. */
  get outcome(): Promise<unknown> | undefined {
    return undefined;
  }

  set outcome(_outcome: Promise<unknown> | undefined) {}

  /** Its outcome is gone. */
  neverGoesOn(): void {}

  /** Takes it out before its first turn. False: that has happened already. */
  withdraw(): boolean {
    if (this.#at !== "queued") return false;
    this.#at = "done";
    this.value = undefined;
    this.#unlink();
    this.dropped();
    return true;
  }

  /** Its own context. */
  context(make: () => CancelableContext): CancelableContext {
    const known = this.#context;
    if (known !== undefined && !(known instanceof HeddleError)) return known;
    const made = make();
    this.#context = made;
    if (known !== undefined) made.cancelWith(known);
    return made;
  }

  /** It has asked for its context, or was cancelled. */
  get hasContext(): boolean {
    return this.#context !== undefined;
  }

  /** Cancels its context. If it has not started, it never does. */
  cancel(error: HeddleError): void {
    if (this.withdraw()) return;
    canceled.add(this);
    const context = this.#context;
    if (context === undefined) this.#context = error;
    else if (!(context instanceof HeddleError)) context.cancelWith(error);
  }

  /** Its function has ended. */
  end(): void {
    if (this.#at === "done") return;
    this.#at = "done";
    this.ending = undefined;
    this.#unlink();
    const { board, self } = here();
    board.add(self, LOAD.running, -1);
    if (this.#context !== undefined && !(this.#context instanceof HeddleError)) this.#context.cancel();
  }

  #unlink(): void {
    if (this.newer === undefined) units.newest = this.older;
    else this.newer.older = this.older;
    if (this.older !== undefined) this.older.newer = this.newer;
    // One that has become old garbage would keep the young ones after it alive, and each of these the next.
    this.older = this.newer = undefined;
  }
}

/** Few are, so they have no field for it. */
const unrefs: WeakSet<Unit> = new WeakSet();

/** The program need not wait for it. */
export function unref(unit: Unit): void {
  unrefs.add(unit);
}

export function isUnref(unit: Unit): boolean {
  return unrefs.has(unit);
}

const canceled: WeakSet<Unit> = new WeakSet();

/** It was told to end. Whoever has started it has given it up. */
export function isCanceled(unit: Unit): boolean {
  return canceled.has(unit);
}

const units: { newest: Unit | undefined } = perThread("task-list", () => ({ newest: undefined }));
let joined: Runtime | undefined;
let tracer: UnitTracer | undefined;

export function setUnitTracer(given: UnitTracer | undefined): void {
  tracer = given;
}

function here(): Runtime {
  return (joined ??= connected());
}

/** The board shows a name. */
let isShown = false;

/**
 * Shows on the board which task runs, for when the thread does not answer. Nobody is shown while several share a turn: to write
 * it at every hop took a fifth of the hop's time.
 */
function show(unit: Unit | undefined): void {
  isShown = unit !== undefined;
  const { board, self } = here();
  board.setCurrent(self, unit === undefined ? 0 : numberOf(unit.name));
}

/** The task in which the caller runs, also after any await. undefined: none. */
export function currentUnit(): Unit | undefined {
  const unit = runningUnit();
  return unit instanceof Unit ? unit : undefined;
}

/** The thread's units, the newest first. */
export function* allUnits(): Generator<Unit> {
  for (let unit = units.newest; unit !== undefined; unit = unit.older) yield unit;
}

addUnits(allUnits);

/** Empties the list, and returns the units that are not `dropped`. Nothing may run before `restoreUnits`. */
export function takeUnits(dropped: (unit: Unit) => boolean): Unit[] {
  const kept: Unit[] = [];
  let following: Unit | undefined;
  for (let unit = units.newest; unit !== undefined; unit = following) {
    following = unit.older;
    unit.older = unit.newer = undefined;
    if (!dropped(unit)) kept.push(unit);
  }
  units.newest = undefined;
  return kept;
}

/** Puts units back into the list, in this order. */
export function restoreUnits(given: readonly Unit[]): void {
  for (const unit of given.toReversed()) {
    unit.older = units.newest;
    if (units.newest !== undefined) units.newest.newer = unit;
    units.newest = unit;
  }
}

/** A unit's first turn, in its own async context. */
function begin(unit: Unit): void {
  let result: unknown;
  try {
    result = unit.call();
  } catch (error) {
    failed(error);
    return;
  }
  if (result === ENDS_ITSELF) return;
  if (result instanceof Promise) {
    unit.ending = result;
    result.then(succeeded, failed);
  } else if (isThenable(result)) Promise.resolve(result).then(succeeded, failed);
  else succeeded(result);
}

/** Inside of the unit's async context: to enter that is an event for the tracer's hooks too. */
function beginTraced(unit: Unit): void {
  tracer?.enter(unit);
  begin(unit);
  tracer?.leave();
}

// All units share these functions, which find their unit by the async context. That saves two closures for each unit.

function succeeded(value: unknown): void {
  const unit = runningUnit() as Unit;
  unit.end();
  unit.succeeded(value);
}

function failed(error: unknown): void {
  const unit = runningUnit() as Unit;
  unit.end();
  unit.failed(error);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
