/**
 * The fake clock and the fake timers of one thread. The clock moves only when it is told to. It replaces the globals `setTimeout`,
 * `setInterval`, their `clear…`, and `Date`, and `setTimeout` of node:timers/promises. `setImmediate`, `performance` and what Node itself
 * waits for stay real.
 *
 * The time is a number in shared memory. Only the first thread writes it, so all threads have the same time.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { syncBuiltinESMExports } from "node:module";
import { MAX_TIMER_MS, setImmediate, setTimeout as realSetTimeout } from "../../../kit/native-timers.ts";
import { replaceProgramTime } from "../../../kit/program-time.ts";

type Callback = (...args: unknown[]) => void;

class FakeTimer {
  readonly #timers: FakeTimers;
  readonly #delayMs: number;
  readonly repeats: boolean;
  readonly fire: () => void;
  atMs = 0;
  isRef = true;

  constructor(timers: FakeTimers, run: () => void, delayMs: number, repeats: boolean) {
    this.#timers = timers;
    // As Node does.
    this.#delayMs = delayMs >= 1 && delayMs <= MAX_TIMER_MS ? delayMs : 1;
    this.repeats = repeats;
    const inContext = AsyncLocalStorage.snapshot();
    this.fire = () => inContext(run);
    this.refresh();
  }

  ref(): this {
    this.isRef = true;
    return this;
  }

  unref(): this {
    this.isRef = false;
    return this;
  }

  hasRef(): boolean {
    return this.isRef;
  }

  refresh(): this {
    this.#timers.remove(this);
    this.atMs = this.#timers.nowMs + this.#delayMs;
    this.#timers.insert(this);
    return this;
  }

  close(): this {
    this.#timers.remove(this);
    return this;
  }

  [Symbol.toPrimitive](): number {
    return this.#timers.idOf(this);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

export class FakeTimers {
  readonly #time: Float64Array<SharedArrayBuffer>;
  /** By time, and those of one time in the order in which they were set. */
  readonly #pending: FakeTimer[] = [];
  readonly #ids: Map<number, FakeTimer> = new Map();
  #lastId = 0;
  readonly #restore: (() => void)[];

  constructor(time: Float64Array<SharedArrayBuffer>) {
    this.#time = time;
    this.#restore = this.#install();
  }

  get nowMs(): number {
    return this.#time[0]!;
  }

  /** The time of the next timer. `ref`: of the next one that keeps the program alive. */
  next(): { readonly any: number | undefined; readonly ref: number | undefined } {
    return { any: this.#pending[0]?.atMs, ref: this.#pending.find(({ isRef }) => isRef)?.atMs };
  }

  /** Fires what is due, each in a macrotask of its own. */
  async fireDue(): Promise<void> {
    for (let first = this.#pending[0]; first !== undefined && first.atMs <= this.nowMs; first = this.#pending[0]) {
      this.remove(first);
      if (first.repeats) first.refresh();
      first.fire();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Puts the real timers and the real time back. What is pending goes on in real time. */
  uninstall(): void {
    for (const restore of this.#restore) restore();
    for (const { atMs, isRef, fire } of this.#pending.splice(0)) {
      const timer = realSetTimeout(fire, atMs - this.nowMs);
      if (!isRef) timer.unref();
    }
  }

  insert(timer: FakeTimer): void {
    let place = this.#pending.length;
    while (place > 0 && this.#pending[place - 1]!.atMs > timer.atMs) place--;
    this.#pending.splice(place, 0, timer);
  }

  remove(timer: FakeTimer): void {
    const place = this.#pending.indexOf(timer);
    if (place !== -1) this.#pending.splice(place, 1);
  }

  idOf(timer: FakeTimer): number {
    this.#ids.set(++this.#lastId, timer);
    return this.#lastId;
  }

  #set(run: Callback, delayMs: unknown, args: unknown[], repeats: boolean): FakeTimer {
    return new FakeTimer(this, () => run(...args), Number(delayMs), repeats);
  }

  #clear(given: unknown): void {
    if (given instanceof FakeTimer) given.close();
    else if (typeof given === "object" && given !== null) realClear(given as NodeJS.Timeout);
    else this.#ids.get(Number(given))?.close();
  }

  #install(): (() => void)[] {
    const clear = (given: unknown): void => this.#clear(given);
    const promises = process.getBuiltinModule("node:timers/promises") as { setTimeout: unknown };
    return [
      replaceGlobals({
        setTimeout: (run: Callback, ms?: unknown, ...args: unknown[]) => this.#set(run, ms, args, false),
        setInterval: (run: Callback, ms?: unknown, ...args: unknown[]) => this.#set(run, ms, args, true),
        clearTimeout: clear,
        clearInterval: clear,
        Date: fakeDate(() => this.nowMs),
      }),
      replaceProgramTime(() => this.nowMs),
      replaceDelay(promises, (ms, value, signal) => this.#delay(ms, value, signal)),
    ];
  }

  /** `setTimeout` of node:timers/promises. */
  #delay(ms: unknown, value: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        timer.close();
        reject(new DOMException("The operation was aborted", { name: "AbortError", cause: signal!.reason }));
      };
      const timer = this.#set(
        () => {
          signal?.removeEventListener("abort", abort);
          resolve(value);
        },
        ms,
        [],
        false,
      );
      if (signal?.aborted === true) abort();
      else signal?.addEventListener("abort", abort, { once: true });
    });
  }
}

const realClear = globalThis.clearTimeout;

function replaceGlobals(fakes: Readonly<Record<string, unknown>>): () => void {
  const globals = globalThis as unknown as Record<string, unknown>;
  const before = Object.keys(fakes).map((name) => [name, globals[name]] as const);
  for (const [name, fake] of Object.entries(fakes)) globals[name] = fake;
  return () => {
    for (const [name, value] of before) globals[name] = value;
  };
}

type Delay = (ms: unknown, value: unknown, signal: AbortSignal | undefined) => Promise<unknown>;

function replaceDelay(promises: { setTimeout: unknown }, delay: Delay): () => void {
  const before = promises.setTimeout;
  promises.setTimeout = (ms?: unknown, value?: unknown, options?: { readonly signal?: AbortSignal }) =>
    delay(ms, value, options?.signal);
  syncBuiltinESMExports();
  return () => {
    promises.setTimeout = before;
    syncBuiltinESMExports();
  };
}

function fakeDate(nowMs: () => number): DateConstructor {
  const Real = globalThis.Date;
  class FakeDate extends Real {
    constructor(...args: readonly unknown[]) {
      if (args.length === 0) super(nowMs());
      else super(...(args as [number]));
    }

    static override now(): number {
      return nowMs();
    }

    /** Dates made before or after are dates too. */
    static override [Symbol.hasInstance](value: unknown): boolean {
      return value instanceof Real;
    }
  }
  return FakeDate as unknown as DateConstructor;
}
