/**
 * A server in virtual time behind the gate: c permits, each request holds one for D, then waits for W. Its knee is known: c · (1 + W / D)
 * requests in flight, c / D a millisecond. The windows, the CoDel rule and the limiters are those of the server; the gate is the same
 * in few lines. No clock, no thread: the same seed gives the same run.
 */
import { CoDel } from "../../src/server/http/admit/adaptive/codel.ts";
import type { Bounds, Limiter } from "../../src/server/http/admit/adaptive/limiter.ts";
import { emptyRow, ROW } from "../../src/server/http/admit/adaptive/memory.ts";
import { targetMs } from "../../src/server/http/admit/adaptive/queue-target.ts";
import { Windows } from "../../src/server/http/admit/adaptive/windows.ts";
import { seededRandom } from "../harness/ratios.ts";
import { VirtualTime } from "./events.ts";

export type Noise = "none" | "exponential";

export interface System {
  readonly permits: number;
  readonly holdMs: number;
  readonly waitMs: number;
  readonly noise: Noise;
}

export interface Run {
  readonly system: System;
  /** undefined: no gate at all. */
  readonly limiter: Limiter | undefined;
  /** Arrivals a second. */
  readonly rate: (atMs: number) => number;
  /** By what the cost is multiplied. */
  readonly cost?: (atMs: number) => number;
  readonly seconds: number;
  readonly seed?: number;
  /** Most that wait. */
  readonly queue?: number;
  /** A closed loop of so many clients instead of arrivals. */
  readonly clients?: number;
}

/** Of one second. */
export interface Second {
  readonly good: number;
  readonly shed: number;
  readonly limit: number;
  readonly inFlight: number;
  readonly baselineMs: number | undefined;
  readonly latencies: readonly number[];
}

export function kneeOf({ permits, holdMs, waitMs }: System, cost: number = 1): number {
  return permits * (1 + waitMs / (holdMs * cost));
}

/** Answers a second. */
export function mostOf({ permits, holdMs }: System, cost: number = 1): number {
  return (1000 * permits) / (holdMs * cost);
}

export function simulate(run: Run): readonly Second[] {
  return simulateWorkers(run.seconds, [run])[0]!;
}

/** Several workers, each with its own gate and limiter, and the permits of the first one's system between them. */
export function simulateWorkers(seconds: number, runs: readonly Run[]): readonly (readonly Second[])[] {
  const time = new VirtualTime();
  const permits = new Permits(runs[0]!.system.permits);
  const workers = runs.map((run) => new Simulation(run, time, permits));
  for (const worker of workers) worker.begin();
  for (let second = 1; second <= seconds; second++) {
    time.runUntil(second * 1000);
    for (const worker of workers) worker.endSecond();
  }
  return workers.map((worker) => worker.seconds);
}

class Permits {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  take(next: () => void): void {
    if (this.#free === 0) {
      this.#waiting.push(next);
      return;
    }
    this.#free--;
    next();
  }

  give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}

class Simulation {
  readonly #run: Run;
  readonly seconds: Second[] = [];
  readonly #time: VirtualTime;
  readonly #permits: Permits;
  readonly #random: () => number;
  readonly #totals = emptyRow();
  readonly #windows = new Windows();
  readonly #codel = new CoDel();
  readonly #waiters: number[] = [];
  #targetMs = 5;
  #inFlight = 0;
  #good = 0;
  #shed = 0;
  #latencies: number[] = [];

  constructor(run: Run, time: VirtualTime, permits: Permits) {
    this.#run = run;
    this.#time = time;
    this.#permits = permits;
    this.#random = seededRandom(run.seed ?? 1);
  }

  begin(): void {
    const { clients, limiter } = this.#run;
    if (clients === undefined) this.#arriveNext();
    else for (let client = 0; client < clients; client++) this.#time.after(this.#random() * 20, () => this.#arrive());
    if (limiter !== undefined) this.#lookAgain(limiter);
  }

  endSecond(): void {
    const { limiter } = this.#run;
    this.seconds.push({
      good: this.#good,
      shed: this.#shed,
      limit: limiter?.limit ?? Infinity,
      inFlight: this.#inFlight,
      baselineMs: limiter?.baselineMs,
      latencies: this.#latencies,
    });
    this.#good = 0;
    this.#shed = 0;
    this.#latencies = [];
  }

  #arriveNext(): void {
    const perMs = this.#run.rate(this.#time.nowMs) / 1000;
    this.#time.after(perMs === 0 ? 1 : -Math.log(1 - this.#random()) / perMs, () => {
      if (perMs > 0) this.#arrive();
      this.#arriveNext();
    });
  }

  #lookAgain(limiter: Limiter): void {
    this.#time.after(25, () => {
      const window = this.#windows.look(this.#totals, this.#time.nowMs);
      if (window !== undefined) {
        limiter.update(window);
        this.#targetMs = targetMs(window, limiter.baselineMs ?? window.meanMs);
        this.#fill();
      }
      this.#observe();
      this.#lookAgain(limiter);
    });
  }

  #arrive(): void {
    const { nowMs } = this.#time;
    this.#totals[ROW.arrivals]!++;
    this.#codel.arrived(this.#hasRoom && this.#waiters.length === 0);
    this.#observe();
    if (this.#hasRoom && this.#waiters.length === 0) {
      this.#begin(nowMs);
      return;
    }
    this.#totals[ROW.foundFull]!++;
    if (this.#waiters.length >= (this.#run.queue ?? 1024)) {
      if (this.#codel.overloaded) this.#waiters.shift();
      this.#lose(ROW.shedQueueFull);
      if (!this.#codel.overloaded) return;
    }
    this.#waiters.push(nowMs);
  }

  get #hasRoom(): boolean {
    return this.#inFlight < (this.#run.limiter?.limit ?? Infinity);
  }

  #observe(): void {
    const { nowMs } = this.#time;
    const patienceMs = this.#codel.patienceMs(this.#targetMs);
    this.#codel.observe(this.#waiters.length === 0 ? 0 : nowMs - this.#waiters[0]!, nowMs, this.#targetMs);
    while (this.#waiters.length > 0 && nowMs - this.#waiters[0]! > patienceMs) {
      this.#waiters.shift();
      this.#codel.shed();
      this.#lose(ROW.shedDelayed);
    }
  }

  #lose(reason: number): void {
    this.#totals[reason]!++;
    this.#shed++;
    if (this.#run.clients !== undefined) this.#time.after(1, () => this.#arrive());
  }

  #begin(arrivedMs: number): void {
    const beganMs = this.#time.nowMs;
    this.#inFlight++;
    this.#permits.take(() => {
      const { holdMs, waitMs } = this.#run.system;
      const cost = this.#run.cost?.(this.#time.nowMs) ?? 1;
      this.#time.after(this.#drawn(holdMs * cost), () => {
        this.#permits.give();
        this.#time.after(this.#drawn(waitMs), () => this.#end(arrivedMs, beganMs));
      });
    });
  }

  #drawn(meanMs: number): number {
    return this.#run.system.noise === "none" ? meanMs : -Math.log(1 - this.#random()) * meanMs;
  }

  #end(arrivedMs: number, beganMs: number): void {
    const { nowMs } = this.#time;
    this.#totals[ROW.answers]!++;
    this.#totals[ROW.answerMs]! += nowMs - beganMs;
    this.#totals[ROW.inFlight]! += this.#inFlight;
    this.#good++;
    this.#latencies.push(nowMs - arrivedMs);
    this.#inFlight--;
    this.#observe();
    this.#fill();
    if (this.#run.clients !== undefined) this.#arrive();
  }

  #fill(): void {
    while (this.#waiters.length > 0 && this.#hasRoom) {
      this.#begin(this.#codel.overloaded ? this.#waiters.pop()! : this.#waiters.shift()!);
    }
  }
}

export type MakeLimiter = (bounds: Bounds) => Limiter;
