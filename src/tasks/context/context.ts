/**
 * Go's contexts: a tree along which cancellation goes down, with deadlines and values. A context is passed as an argument to
 * the code that it is for, also to tasks on other threads (remote-context.ts).
 *
 * Invariants
 * - A context is cancelled at most once. Its error and cause never change after that.
 * - `cancel` cancels all contexts below before it returns, and never those above. A child of a cancelled parent is born
 *   cancelled.
 * - A cancelled context, or one whose parent can't be cancelled, is in no parent's list, so it leaves nothing behind.
 * - `done` and `signal` are made on first use.
 *
 */

import { HeddleError } from "../../errors/errors.ts";
import { badDuration, isDuration } from "../../kit/durations.ts";
import { LongTimer } from "../../kit/long-timer.ts";
import { Channel } from "../channel/channel.ts";
import { afterCancel } from "./after-func.ts";
import { followSignal } from "./abort-signals.ts";
import { canceled, deadlineExceeded } from "./canceled.ts";
import { checkKey, ContextKey, type PrimitiveKey } from "./context-key.ts";
import { currentUnit } from "../jobs/unit.ts";

export class Context {
  readonly #parent: Context | undefined;
  /** Set if the context adds a value. */
  readonly #entry: readonly [key: unknown, value: unknown] | undefined;

  /** For the library: contexts are made from other contexts. */
  constructor(parent?: Context, entry?: readonly [key: unknown, value: unknown]) {
    this.#parent = parent;
    this.#entry = entry;
  }

  /** Never cancelled, without a deadline and values: the root of every tree. */
  static background(): Context {
    return background;
  }

  /**
   * The context of the calling task. It is cancelled with the task's handle, and when the task ends. Outside of tasks:
   * `background()`.
   */
  static current(): Context {
    return currentUnit()?.context(() => new CancelableContext(background)) ?? background;
  }

  /** A child that can be cancelled. */
  withCancel(): CancelableContext {
    return new CancelableContext(this);
  }

  /**
   * A child that is cancelled after this many milliseconds, or earlier with its parent. 0 or less: at once. `Infinity`: no own
   * deadline. `cause`: why there is a time limit; the cause of the context if it is this limit that ends it. Default: the error.
   *
   * @throws HeddleError TASK_INVALID if it is not a number
   */
  withTimeout(timeoutMs: number, cause?: unknown): CancelableContext {
    if (!isDuration(timeoutMs)) throw badDuration("TASK_INVALID", "the timeout of a context", timeoutMs);
    return this.withDeadline(Date.now() + timeoutMs, cause);
  }

  /**
   * A child that is cancelled at this time (milliseconds since 1970, or a Date), or at its parent's deadline if that is
   * earlier. `Infinity`: no own deadline. `cause` as in `withTimeout`.
   *
   * @throws HeddleError TASK_INVALID if it is not a time, such as an invalid Date
   */
  withDeadline(deadline: Date | number, cause?: unknown): CancelableContext {
    const deadlineMs = deadline instanceof Date ? deadline.getTime() : deadline;
    if (!isDuration(deadlineMs)) throw badDeadline(deadline);
    return new CancelableContext(this, deadlineMs === Infinity ? undefined : deadlineMs, cause);
  }

  /**
   * A child that is also cancelled when the signal aborts, at once if it has: `Context.background().withSignal(request.signal)`. Its
   * cause is the signal's reason, its error CANCELED, or DEADLINE_EXCEEDED if the signal's time was up (`AbortSignal.timeout`). From
   * another context's `signal` it gets that context's error. Cancel it when it is not needed any more, or use `using`: until then the
   * signal has a listener.
   *
   * @throws HeddleError TASK_INVALID if it is not an AbortSignal
   */
  withSignal(signal: AbortSignal): CancelableContext {
    return followSignal(() => new CancelableContext(this), signal);
  }

  /**
   * A key for values, the same on every thread that imports the module: `Context.key<User>(import.meta.url, "user")`. Called
   * again with the same url and name, it returns the same key.
   */
  static key<T>(url: string, name: string): ContextKey<T> {
    return ContextKey.of<T>(url, name);
  }

  /**
   * A child whose `value(key)` returns this value. The key must mean the same on every thread: one of `Context.key()`, a
   * string or another primitive value, or a symbol of `Symbol.for`.
   *
   * @throws HeddleError CONTEXT_KEY for other keys
   */
  withValue<T>(key: ContextKey<T>, value: T): Context;
  withValue(key: PrimitiveKey, value: unknown): Context;
  withValue(key: unknown, value: unknown): Context {
    checkKey(key);
    return new Context(this, [key, value]);
  }

  /** A child with the same values that is not cancelled with its parent, and has no deadline. */
  withoutCancel(): Context {
    return new WithoutCancel(this);
  }

  /** The value of the nearest `withValue` of this key, here or above. */
  value<T>(key: ContextKey<T>): T | undefined;
  value(key: unknown): unknown;
  value(key: unknown): unknown {
    const entry = this.#entry;
    return entry !== undefined && Object.is(entry[0], key) ? entry[1] : this.#parent?.value(key);
  }

  /** For the library: all values, the nearest last. */
  values(): readonly (readonly [key: unknown, value: unknown])[] {
    const above = this.#parent?.values() ?? [];
    return this.#entry === undefined ? above : [...above, this.#entry];
  }

  /** For the library: the nearest context above, or this one, that can be cancelled. */
  canceler(): CancelableContext | undefined {
    return this.#parent?.canceler();
  }

  /** Milliseconds since 1970. */
  get deadline(): number | undefined {
    return this.canceler()?.deadline;
  }

  /** Why it was cancelled. undefined: it was not. */
  get error(): HeddleError | undefined {
    return this.canceler()?.error;
  }

  /** Why: the argument of `cancel`, the cause of the timeout, or the reason of the signal; without one, the error. */
  get cause(): unknown {
    return this.canceler()?.cause;
  }

  /** Closed when it is cancelled. For select. */
  get done(): Channel<never> {
    return this.canceler()?.done ?? Channel.nil;
  }

  /** Aborts, with the error as its reason, when the context is cancelled. For fetch and Node's functions. */
  get signal(): AbortSignal {
    return this.canceler()?.signal ?? neverAborted.signal;
  }

  /** Throws the error if it was cancelled. */
  throwIfCanceled(): void {
    const { error } = this;
    if (error !== undefined) throw error;
  }

  /**
   * Runs a function as a task of its own when the context is cancelled, or at once if it was. Returns a function that takes this back:
   * true if it came in time, so that the function never runs; false if the task was started, or if it was taken back before. What the
   * function throws is reported as of any task that nobody awaits (TASK_FAILED).
   */
  afterFunc(run: () => unknown): () => boolean {
    return afterCancel(this, run);
  }

  /** For the library: calls back when it is cancelled, or at once if it was. Returns a function that removes the listener. */
  onCancel(listener: () => void): () => void {
    return this.canceler()?.onCancel(listener) ?? (() => {});
  }
}

function badDeadline(got: unknown): HeddleError {
  const message = `the deadline of a context must be a Date or milliseconds since 1970, and is ${String(got)}.`;
  return new HeddleError("TASK_INVALID", message, { hint: "Infinity is no deadline." });
}

const neverAborted: AbortController = new AbortController();

class WithoutCancel extends Context {
  override canceler(): undefined {}
}

/** A context with its own `cancel`. With `using`, it is cancelled when its scope is left. */
export class CancelableContext extends Context implements Disposable {
  readonly #deadline: number | undefined;
  readonly #deadlineCause: unknown;
  readonly #listeners: Set<() => void> = new Set();
  #detach: (() => void) | undefined;
  #error: HeddleError | undefined;
  #cause: unknown;
  #timer: LongTimer | undefined;
  #done: Channel<never> | undefined;
  #controller: AbortController | undefined;

  /** For the library. */
  constructor(parent: Context, deadline?: number, cause?: unknown) {
    super(parent);
    const above = parent.canceler();
    const inherited = above?.deadline;
    const isOwn = deadline !== undefined && (inherited === undefined || deadline < inherited);
    this.#deadline = isOwn ? deadline : inherited;
    this.#deadlineCause = isOwn ? cause : above?.deadlineCause;
    if (above !== undefined) this.#detach = above.onCancel(() => this.#cancel(above.error!, above.cause));
    if (isOwn && this.#error === undefined) this.#arm(this.#deadline! - Date.now());
  }

  override canceler(): CancelableContext {
    return this;
  }

  override get deadline(): number | undefined {
    return this.#deadline;
  }

  /** For the library: its cause, if it ends by its deadline. */
  get deadlineCause(): unknown {
    return this.#deadlineCause;
  }

  override get error(): HeddleError | undefined {
    return this.#error;
  }

  override get cause(): unknown {
    return this.#cause;
  }

  override get done(): Channel<never> {
    if (this.#done === undefined) {
      this.#done = new Channel<never>();
      this.#watched();
      if (this.#error !== undefined) void this.#done.close();
    }
    return this.#done;
  }

  override get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      this.#watched();
      if (this.#error !== undefined) this.#controller.abort(this.#error);
    }
    return this.#controller.signal;
  }

  override onCancel(listener: () => void): () => void {
    if (this.#error !== undefined) {
      listener();
      return () => {};
    }
    // A wrapper, so that the same function may be added twice.
    const entry = (): void => listener();
    this.#listeners.add(entry);
    this.#watched();
    return () => {
      this.#listeners.delete(entry);
      if (this.#listeners.size === 0 && this.#done === undefined && this.#controller === undefined)
        this.#timer?.keepAlive(false);
    };
  }

  /**
   * Cancels it and all contexts below. A second call does nothing. On other threads the cause arrives as a copy; if it can't
   * be copied, as an error with its text.
   */
  cancel(cause?: unknown): void {
    this.cancelWith(canceled("the context was cancelled", cause), cause);
  }

  /** For the library. */
  cancelWith(error: HeddleError, cause: unknown = error.cause): void {
    this.#cancel(error, cause);
  }

  [Symbol.dispose](): void {
    this.cancel();
  }

  /** For the library: the number of those who would notice a cancellation. */
  get listeners(): number {
    return this.#listeners.size;
  }

  #cancel(error: HeddleError, cause: unknown): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#cause = cause ?? error;
    this.#timer?.clear();
    this.#detach?.();
    this.#detach = undefined;
    void this.#done?.close();
    this.#controller?.abort(error);
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  }

  /** The time until a deadline counts by the timers, as in Go: the wall clock may be set meanwhile. */
  #arm(leftMs: number): void {
    const expire = (): void => this.#cancel(deadlineExceeded(this.#deadlineCause), this.#deadlineCause);
    if (leftMs <= 0) return expire();
    this.#timer = new LongTimer(expire, leftMs);
    // A deadline without listeners does not keep the program alive.
    if (this.#listeners.size === 0) this.#timer.keepAlive(false);
  }

  #watched(): void {
    this.#timer?.keepAlive(true);
  }
}

const background: Context = new Context();
