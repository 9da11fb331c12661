/**
 * The trace of one thread, as events of Chrome's trace format. When a task runs is seen from V8's hooks around each continuation of a
 * promise, together with the async context, which tells whose continuation it is. So it is exact across every await, and costs nothing
 * while it is off. A task's first stretch is no continuation; unit.ts reports it.
 *
 *   ph "X"       a stretch: the task ran on this thread, from ts for dur
 *   ph "b", "e"  it was parked, on what the name says; a track of its own for each task
 */

import { type AsyncHook, createHook } from "node:async_hooks";
import { connected } from "../task-service.ts";
import { currentUnit, setUnitTracer, type Unit, type UnitTracer } from "../jobs/unit.ts";
import { siteOf } from "../../runtime/watch/start-sites.ts";

export interface TraceMode {
  /** Milliseconds since 1970: 0 in the trace. */
  readonly startMs: number;
  readonly maxEvents: number;
}

export interface ThreadTrace {
  readonly thread: number;
  /** As JSON, separated by commas. */
  readonly events: string;
  readonly count: number;
  readonly dropped: number;
}

/** Stretches of a task with less in between, in which no other task ran, are one. Between the continuations of a task without a wait there are
 * a few microseconds. */
const JOIN_US = 50;

interface Stretch {
  readonly unit: Unit;
  fromUs: number;
}

interface Last {
  readonly unit: Unit;
  fromUs: number;
  toUs: number;
}

export class Tracer implements UnitTracer {
  readonly #mode: TraceMode;
  readonly #offsetMs: number;
  readonly #hook: AsyncHook;
  readonly #events: string[] = [];
  /** Since when each parked task is parked, and on what. */
  #parked: WeakMap<Unit, { readonly sinceUs: number; readonly where: string }> = new WeakMap();
  #stack: Stretch[] = [];
  /** The last stretch, which may still become longer. */
  #last: Last | undefined;
  #dropped = 0;

  constructor(mode: TraceMode) {
    this.#mode = mode;
    this.#offsetMs = performance.timeOrigin - mode.startMs;
    this.#hook = createHook({
      before: () => this.enter(currentUnit()),
      after: () => this.leave(),
    }).enable();
    setUnitTracer(this);
  }

  enter(unit: Unit | undefined): void {
    const now = this.#nowUs();
    const interrupted = this.#stack.at(-1);
    if (interrupted !== undefined) this.#ran(interrupted, now);
    if (unit === undefined) {
      this.#stack.push(NOBODY);
      return;
    }
    const parked = this.#parked.get(unit);
    if (parked !== undefined) {
      this.#parked.delete(unit);
      if (!this.#goesOn(unit, now)) this.#wait(unit, parked.where, parked.sinceUs, now);
    }
    this.#stack.push({ unit, fromUs: now });
  }

  leave(): void {
    const ended = this.#stack.pop();
    const now = this.#nowUs();
    if (ended !== undefined && ended !== NOBODY) {
      this.#ran(ended, now);
      const { unit } = ended;
      if (unit.state !== "done") this.#parked.set(unit, { sinceUs: now, where: unit.where ?? "a promise" });
    }
    const interrupted = this.#stack.at(-1);
    if (interrupted !== undefined) interrupted.fromUs = now;
  }

  /** Ends it, and returns what it has seen. `units`: those that are alive. */
  stop(units: Iterable<Unit>): ThreadTrace {
    this.#hook.disable();
    setUnitTracer(undefined);
    const now = this.#nowUs();
    this.#flush();
    for (const unit of units) {
      const parked = this.#parked.get(unit);
      if (parked !== undefined) this.#wait(unit, parked.where, parked.sinceUs, now);
    }
    const { self, role } = connected();
    const name = { name: "thread_name", ph: "M", pid: process.pid, tid: self, args: { name: `${role} ${self}` } };
    const events = [JSON.stringify(name), ...this.#events].join(",\n");
    return { thread: self, events, count: this.#events.length, dropped: this.#dropped };
  }

  #nowUs(): number {
    return Math.round((performance.now() + this.#offsetMs) * 1000);
  }

  #ran(stretch: Stretch, toUs: number): void {
    if (stretch === NOBODY) return;
    const { unit, fromUs } = stretch;
    if (this.#goesOn(unit, fromUs)) {
      this.#last!.toUs = toUs;
      return;
    }
    this.#flush();
    this.#last = { unit, fromUs, toUs };
  }

  /** Whether a stretch that begins now belongs to the last one. */
  #goesOn(unit: Unit, nowUs: number): boolean {
    return this.#last?.unit === unit && nowUs - this.#last.toUs <= JOIN_US;
  }

  #flush(): void {
    const last = this.#last;
    this.#last = undefined;
    if (last === undefined) return;
    const { unit, fromUs, toUs } = last;
    const startedAt = siteOf(unit);
    const args = { task: unit.id, ...(startedAt === undefined ? {} : { startedAt }) };
    this.#add({ name: unit.name, cat: "task", ph: "X", ts: fromUs, dur: Math.max(1, toUs - fromUs), args });
  }

  #wait(unit: Unit, where: string, fromUs: number, toUs: number): void {
    const same = { name: where, cat: "parked", id: unit.id };
    this.#add({ ...same, ph: "b", ts: fromUs, args: { task: unit.name } });
    this.#add({ ...same, ph: "e", ts: toUs });
  }

  #add(event: object): void {
    if (this.#events.length >= this.#mode.maxEvents) {
      this.#dropped++;
      return;
    }
    this.#events.push(JSON.stringify({ ...event, pid: process.pid, tid: connected().self }));
  }
}

/** Code that belongs to no task. */
const NOBODY: Stretch = { unit: undefined as never, fromUs: 0 };
