/**
 * A unit is a task that runs, or will run, on this thread. The scheduler starts units, a dump lists them, and a task's own
 * context belongs to its unit. All units of the thread are in one list, so that a dump needs no other bookkeeping.
 *
 *   queued ──▶ running ⇄ parked ──▶ done
 *     └──────────────────────────▶ done      (cancelled before it started)
 *
 * The list is linked through the units themselves. A million parked tasks are a million of these objects, so every byte of a
 * unit counts. What few units need (a context, a promise) is made on first use.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { type Runtime, LOAD } from "../../runtime/runtime.ts";
import type { HeddleError } from "../../errors/errors.ts";
import { perThread } from "../../kit/per-thread.ts";
import { runQueue, type Turn } from "../../runtime/run-queue.ts";
import type { TurnView } from "../../supervise/inspect/turn-look.ts";
import type { Claim } from "../select/claims.ts";
import type { CancelableContext } from "../context/context.ts";
import { numberOf } from "./task-names.ts";
import { connected } from "../task-service.ts";
import type { Waiter } from "../waiter.ts";

export type UnitState = "queued" | "running" | "parked" | "done";

/** Gets the outcome of a unit: called exactly once, unless it never starts. */
export interface Outcome {
  /** The handle's id, for dumps. */
  readonly id: string;
  started?(): void;
  /** It never starts: it was taken back, or cancelled before. */
  dropped?(): void;
  succeeded(value: unknown): void;
  failed(error: unknown): void;
}

const NO_ARGS: readonly unknown[] = [];

export class Unit implements Turn {
  readonly name: string;
  #fn: ((...args: readonly unknown[]) => unknown) | undefined;
  #args: readonly unknown[] | undefined;
  readonly outcome: Outcome;
  /** Set if another thread may take the task back: it must be won before the task starts. */
  readonly #claim: Claim | undefined;
  /** What it waits for. undefined while it runs. */
  waiter: Waiter | undefined = undefined;
  /** It has waited for several things at a time (`Promise.all`). */
  waitsForSeveral: boolean = false;
  /** What `Context.current()` returns in it. Made on first use. */
  context: CancelableContext | undefined = undefined;
  /** Set if it is cancelled before its context was first used. */
  canceled: HeddleError | undefined = undefined;
  /** performance.now() of the last change of its state, in whole milliseconds: V8 stores integers in the object itself. */
  sinceMs: number;
  previous: Unit | undefined = undefined;
  next: Unit | undefined = undefined;
  #phase: "queued" | "started" | "done" = "queued";

  constructor(
    name: string,
    fn: (...args: readonly unknown[]) => unknown,
    args: readonly unknown[],
    outcome: Outcome,
    claim?: Claim,
  ) {
    this.name = name;
    this.#fn = fn;
    this.#args = args.length === 0 ? NO_ARGS : args;
    this.outcome = outcome;
    this.#claim = claim;
    this.sinceMs = Math.floor(runQueue.nowMs());
    this.next = units.first;
    if (units.first !== undefined) units.first.previous = this;
    units.first = this;
  }

  get state(): UnitState {
    if (this.#phase !== "started") return this.#phase;
    return this.waiter === undefined ? "running" : "parked";
  }

  /** Puts it into the thread's run queue. If another thread has placed it, the board counts it as queued already. */
  enqueue(isCounted: boolean = false): void {
    const { board, self } = here();
    if (!isCounted) board.add(self, LOAD.queued, 1);
    runQueue.add(this);
  }

  /** Its first turn. */
  run(): void {
    const { board, self } = here();
    if (this.#claim?.take() === "lost") {
      this.withdraw();
      return;
    }
    board.add(self, LOAD.queued, -1);
    if (this.#phase === "done") return;
    this.#phase = "started";
    this.sinceMs = Math.floor(runQueue.nowMs());
    board.add(self, LOAD.running, 1);
    this.resumes();
    this.outcome.started?.();
    current.run(this, begin);
  }

  /** Calls the function, once. */
  call(): unknown {
    const [fn, args] = [this.#fn!, this.#args!];
    this.#fn = this.#args = undefined;
    return fn(...args);
  }

  succeeded(value: unknown): void {
    this.#end();
    this.outcome.succeeded(value);
    runQueue.parked(this);
  }

  failed(error: unknown): void {
    this.#end();
    this.outcome.failed(error);
    runQueue.parked(this);
  }

  /** It has the turn. */
  resumes(): void {
    const { board, self } = here();
    board.setCurrent(self, numberOf(this.name));
  }

  view(): TurnView {
    return { what: "task", id: 0, name: this.name, stretch: this.sinceMs };
  }

  /** Takes it out before its first turn. False: that has happened already. */
  withdraw(): boolean {
    if (this.#phase !== "queued") return false;
    this.#phase = "done";
    this.#fn = this.#args = undefined;
    this.#unlink();
    this.outcome.dropped?.();
    return true;
  }

  /** Cancels its context. If it has not started, it never does. */
  cancel(error: HeddleError): void {
    if (this.withdraw()) return;
    if (this.context === undefined) this.canceled = error;
    else this.context.cancelWith(error);
  }

  #end(): void {
    this.#phase = "done";
    this.#unlink();
    const { board, self } = here();
    board.add(self, LOAD.running, -1);
    this.context?.cancel();
  }

  #unlink(): void {
    if (this.previous === undefined) units.first = this.next;
    else this.previous.next = this.next;
    if (this.next !== undefined) this.next.previous = this.previous;
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

const units: { first: Unit | undefined } = perThread("units", () => ({ first: undefined }));
const current: AsyncLocalStorage<Unit> = perThread("unit", () => new AsyncLocalStorage<Unit>());
let joined: Runtime | undefined;

function here(): Runtime {
  return (joined ??= connected());
}

/** The task in which the caller runs, also after any await. undefined: none. */
export function currentUnit(): Unit | undefined {
  return current.getStore();
}

/** The thread's units, the newest first. */
export function* allUnits(): Generator<Unit> {
  for (let unit = units.first; unit !== undefined; unit = unit.next) yield unit;
}

/** A unit's first turn, in its own async context. */
function begin(): void {
  const unit = current.getStore()!;
  let result: unknown;
  try {
    result = unit.call();
  } catch (error) {
    unit.failed(error);
    return;
  }
  if (result instanceof Promise) result.then(succeeded, failed);
  else if (isThenable(result)) Promise.resolve(result).then(succeeded, failed);
  else unit.succeeded(result);
}

// All units share these functions, which find their unit by the async context. That saves two closures for each unit.

function succeeded(value: unknown): void {
  current.getStore()!.succeeded(value);
}

function failed(error: unknown): void {
  current.getStore()!.failed(error);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
