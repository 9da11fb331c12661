/** A pool whose members and clock the test drives. */

import type { Rules } from "../../src/supervise/plan.ts";
import type { Driver, Member } from "../../src/supervise/member.ts";
import type { PoolClock } from "../../src/supervise/pool-options.ts";
import { Pool } from "../../src/supervise/pool.ts";

export const fixedRules: Rules = {
  kind: "fixed",
  startingAtOnce: Infinity,
  firstAlone: false,
  refill: "at-once",
  startTimeoutMs: 10_000,
  drainMs: 5000,
  drainMarginMs: 500,
  silenceMs: 0,
  killPatienceMs: 1000,
};

export class FakeClock implements PoolClock {
  #nowMs = 0;
  #timers: { readonly atMs: number; readonly callback: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get pending(): number {
    return this.#timers.length;
  }

  /** Time passes, and what is due by then is called when it is due. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const next = this.#timers.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
    }
    this.#nowMs = endMs;
  }

  /** The program stands for so long: what was due meanwhile is called late. */
  jump(ms: number): void {
    this.#nowMs += ms;
    this.advance(0);
  }
}

export type FakeMember = Member;

export interface FakeOptions {
  readonly wanted: number;
  readonly places?: number;
  readonly rules?: Partial<Rules>;
}

export class FakeMembers {
  readonly clock: FakeClock = new FakeClock();
  readonly pool: Pool<Driver>;
  wanted: number;
  /** Thrown by whoever is to be started. */
  refuseToStart: Error | undefined;
  started = 0;
  refused = 0;
  stuck = 0;
  readonly drains: string[] = [];

  constructor({ wanted, places, rules = {} }: FakeOptions) {
    this.wanted = wanted;
    this.pool = new Pool<Driver>({
      rules: { ...fixedRules, ...rules },
      clock: this.clock,
      wanted: () => this.wanted,
      ...(places !== undefined && { places: () => places }),
      spawn: (member) => this.#spawn(member),
      killError: (_member, reason) => new Error(reason),
      onStuck: () => this.stuck++,
    });
  }

  static async booted(wanted: number, rules: Partial<Rules> = {}, places?: number): Promise<FakeMembers> {
    const fake = new FakeMembers({ wanted, rules, ...(places !== undefined && { places }) });
    const booted = fake.pool.boot();
    for (let place = 0; place < wanted; place++) fake.ready(place);
    await booted;
    fake.pool.commit();
    return fake;
  }

  #spawn(member: FakeMember): Driver {
    if (this.refuseToStart !== undefined) {
      this.refused++;
      throw this.refuseToStart;
    }
    this.started++;
    return {
      drain: (reason, deadlineMs) => this.drains.push(`${member.place} ${reason} ${deadlineMs}`),
      kill: () => {},
    };
  }

  /** In the order in which they were started. */
  states(): string[] {
    return this.pool.members.map(
      ({ place, state }) => `${place} ${state.name}${state.name === "draining" ? ` (${state.reason})` : ""}`,
    );
  }

  at(place: number): FakeMember {
    return this.pool.at(place)!;
  }

  ready(place: number): void {
    this.pool.ready(this.at(place));
  }

  readyNewest(place: number): void {
    this.pool.ready(this.#all(place).at(-1)!);
  }

  /** The newest member at the place ends. */
  die(place: number, error: Error = new Error("died")): void {
    this.pool.gone(this.#all(place).at(-1)!, error);
  }

  endOldest(place: number): void {
    this.pool.gone(this.#all(place)[0]!, undefined);
  }

  endAll(): void {
    for (const member of this.pool.members) this.pool.gone(member, undefined);
  }

  endAllKilled(): void {
    for (const member of this.pool.members) if (member.state.name === "killed") this.pool.gone(member, undefined);
  }

  #all(place: number): readonly FakeMember[] {
    return this.pool.members.filter((member) => member.place === place);
  }
}
