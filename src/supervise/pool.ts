/**
 * A pool of supervised members, processes or threads. It starts, replaces, drains and kills them so that as many run as are
 * wanted. The driver knows what kind of member it is, and how to send it messages.
 *
 *   driver ── ready, wish, heard, gone ──▶ pool ──▶ plan.ts ──▶ start, drain, kill ──▶ driver
 *                                          every second ─┘
 *
 * Invariants
 * - Only `plan.ts` makes decisions, from the current state. Events are stored as state, and trigger the next look earlier.
 * - Each change of a member's state is a transition of `member-state.ts`. A driver is told to drain or kill only by one.
 * - `boot` and `grow` are all or nothing: until `commit`, the members that they start are on trial. If one of them ends, none is
 *   replaced and the promise rejects with its error, or with undefined if the pool closes.
 */

import { next } from "../kit/wrapping.ts";
import { Backoff, BACKOFF_LIMITS } from "./backoff.ts";
import { type Driver, Member } from "./member.ts";
import { becomeReady, drain, end, kill, MOST_URGENT, type Transition } from "./member-state.ts";
import { type Action, plan } from "./plan.ts";
import type { PoolOptions } from "./pool-options.ts";

interface Trial<E> {
  readonly from: number;
  /** Those that were started before are not on trial. One that drains may still have one of the places. */
  readonly afterSerial: number;
  readonly tried: Set<number>;
  readonly ready: PromiseWithResolvers<void>;
  failed: { readonly error: E | undefined } | undefined;
}

interface Place {
  readonly backoff: Backoff;
  restsUntilMs: number;
  generation: number;
}

const LOOK_MS = 1000;

/** A look that comes later than this was held up: what the members have said meanwhile waits to be read. */
function lateMs(silenceMs: number): number {
  return silenceMs === 0 ? LOOK_MS : Math.min(LOOK_MS, silenceMs / 4);
}

export class Pool<D extends Driver, E = Error> {
  readonly #options: PoolOptions<D, E>;
  readonly #members = new Set<Member<D, E>>();
  readonly #places = new Map<number, Place>();
  #serials = 0;
  #trial: Trial<E> | undefined;
  #closing: { readonly reason: string; readonly deadlineMs: number } | undefined;
  #closed: PromiseWithResolvers<void> | undefined;
  #isOpen = false;
  #isLooking = false;
  #lookAgain = false;
  /** When the next look should come, at the latest. */
  #dueMs = Number.POSITIVE_INFINITY;
  #cancelTimer: (() => void) | undefined;

  constructor(options: PoolOptions<D, E>) {
    this.#options = options;
  }

  /** The members that are not gone, in the order of their starts. */
  get members(): readonly Member<D, E>[] {
    return [...this.#members];
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  /** The member that holds the place: the ready one, else the one that starts. */
  at(place: number): Member<D, E> | undefined {
    const here = this.members.filter((member) => member.place === place);
    return here.findLast(({ isReady }) => isReady) ?? here.findLast(({ state }) => state.name === "starting");
  }

  /** Starts as many as are wanted, on trial until `commit`. Resolves when all are ready. @throws E of the first that ended, or undefined */
  boot(): Promise<void> {
    this.#isOpen = true;
    return this.#try(0);
  }

  /** Call it after `wanted` has grown. Like `boot`, for the places from `from` on. */
  grow(from: number): Promise<void> {
    return this.#try(from);
  }

  /** Why the trial has failed. */
  get trialError(): E | undefined {
    return this.#trial?.failed?.error;
  }

  isOnTrial({ place, serial }: Member<D, E>): boolean {
    const trial = this.#trial;
    return trial !== undefined && place >= trial.from && serial > trial.afterSerial;
  }

  /** Ends the trial. From now on, members that end are replaced. */
  commit(): void {
    this.#trial = undefined;
    this.look();
  }

  /** Opens without a trial: members are started when they are wanted. */
  open(): void {
    this.#isOpen = true;
    this.look();
  }

  #try(from: number): Promise<void> {
    this.#trial = {
      from,
      afterSerial: this.#serials,
      tried: new Set(),
      ready: Promise.withResolvers(),
      failed: undefined,
    };
    const { promise } = this.#trial.ready;
    this.look();
    return promise;
  }

  /**
   * Elastic pools: starts one more now, however many are wanted, at the lowest free place. undefined: there is none. If the
   * place rests, the member must wait for `delayMs`.
   */
  add(): Member<D, E> | undefined {
    const { wanted, places = wanted } = this.#options;
    const taken = new Set(this.members.map(({ place }) => place));
    const last = places();
    for (let place = 0; place < last; place++) if (!taken.has(place)) return this.#start(place);
    return undefined;
  }

  /** All members leave by the deadline. Resolves when all are gone. May be repeated with less time or a more urgent reason. */
  close(reason: string, deadlineMs: number): Promise<void> {
    const before = this.#closing;
    this.#closing = {
      reason: before?.reason === MOST_URGENT ? MOST_URGENT : reason,
      deadlineMs: Math.min(deadlineMs, before?.deadlineMs ?? Infinity),
    };
    this.#closed ??= Promise.withResolvers();
    // One that was never opened has nobody to wait for.
    this.#isOpen = true;
    this.look();
    return this.#closed.promise;
  }

  // Calls of drivers and owners. Each only changes state, so none is lost by coming early, late or twice.

  /** It has started. */
  ready(member: Member<D, E>): void {
    const nowMs = this.#nowMs();
    if (!this.#change(member, becomeReady(member.state, nowMs))) return;
    member.readyMs = nowMs;
    member.heardMs = nowMs;
    this.#options.onReady?.(member);
    this.look();
  }

  /** A sign of life. */
  heard(member: Member<D, E>): void {
    member.heardMs = this.#nowMs();
  }

  /**
   * It should be replaced, now or when it is ready. The first reason stays. Its place rests as after a death: returns for how
   * many milliseconds.
   */
  replace(member: Member<D, E>, reason: string): number {
    const { name } = member.state;
    if (member.wish !== undefined || (name !== "starting" && name !== "ready")) return 0;
    member.wish = reason;
    // Members that want to be replaced as soon as they start are a crash loop too.
    const restMs = this.#rest(member.place, member.readyMs ?? this.#nowMs());
    this.look();
    return restMs;
  }

  /** It leaves. The plan decides whether another member takes its place. */
  drain(member: Member<D, E>, reason: string, deadlineMs: number): void {
    this.#drain(member, reason, deadlineMs);
    this.look();
  }

  /** Ends it at once. `error`: why. undefined: it is wanted. */
  kill(member: Member<D, E>, error: E | undefined): void {
    this.#kill(member, error);
    this.look();
  }

  /** It has ended. `error`: why, if that was not wanted and is not known yet. */
  gone(member: Member<D, E>, error: E | undefined): void {
    const { state } = member;
    const nowMs = this.#nowMs();
    if (!this.#change(member, end(state, nowMs))) return;
    this.#members.delete(member);
    member.error ??= error;
    this.#noteTrial(member);
    this.#lose(member);
    this.#options.onGone?.(member);
    this.look();
  }

  /** Compares wanted with actual, and acts. */
  look(): void {
    this.#lookAgain = true;
    if (this.#isLooking || !this.#isOpen) return;
    this.#isLooking = true;
    this.#cancelTimer?.();
    try {
      while (this.#lookAgain) {
        this.#lookAgain = false;
        this.#lookOnce();
      }
    } finally {
      this.#isLooking = false;
    }
  }

  #lookOnce(): void {
    const { clock, rules, wanted, places = wanted } = this.#options;
    const nowMs = clock.nowMs();
    // If this process itself was stopped or starved, the silence of its members means nothing.
    if (nowMs - this.#dueMs > lateMs(rules.silenceMs)) for (const member of this.#members) member.heardMs = nowMs;
    const trial = this.#trial;
    const { actions, nextMs } = plan(
      {
        members: this.members,
        wanted: trial?.failed === undefined ? wanted() : trial.from,
        places: places(),
        resting: this.#resting(nowMs),
        trialFrom: trial?.from ?? Infinity,
        tried: trial?.tried ?? new Set(),
        closing: this.#closing,
      },
      rules,
      nowMs,
    );
    for (const action of actions) this.#act(action);
    this.#settle(wanted());
    if (this.#closed !== undefined && this.#members.size === 0) this.#closed.resolve();
    else this.#lookIn(Math.max(1, Math.min(this.#options.lookMs ?? LOOK_MS, nextMs - nowMs)));
  }

  #lookIn(delayMs: number): void {
    this.#dueMs = this.#nowMs() + delayMs;
    if (delayMs < Infinity) this.#cancelTimer = this.#options.clock.after(delayMs, () => this.look());
  }

  #act(action: Action<Member<D, E>>): void {
    switch (action.do) {
      case "start":
        this.#start(action.place);
        break;
      case "drain":
        this.#drain(action.member, action.reason, action.deadlineMs);
        break;
      case "kill":
        this.#kill(
          action.member,
          action.reason === "unwanted" ? undefined : this.#options.killError(action.member, action.reason),
        );
        break;
      case "tell-stuck":
        action.member.isStuck = true;
        this.#options.onStuck?.(action.member);
        break;
    }
  }

  #start(place: number): Member<D, E> {
    const at = this.#place(place);
    const nowMs = this.#nowMs();
    const delayMs = Math.max(0, at.restsUntilMs - nowMs);
    const member = new Member<D, E>(++this.#serials, place, at.generation, delayMs, nowMs);
    at.generation = next(at.generation);
    this.#members.add(member);
    if (this.#trial !== undefined && place >= this.#trial.from) this.#trial.tried.add(place);
    try {
      member.driver = this.#options.spawn(member);
    } catch (error) {
      this.gone(member, error as E);
    }
    return member;
  }

  #drain(member: Member<D, E>, reason: string, deadlineMs: number): void {
    const wasReady = member.isReady;
    if (!this.#change(member, drain(member.state, this.#nowMs(), reason, deadlineMs))) return;
    if (wasReady) {
      member.drainReason = reason;
      this.#options.onDrain?.(member);
    }
    member.driver.drain(reason, deadlineMs);
  }

  #kill(member: Member<D, E>, error: E | undefined): void {
    if (!this.#change(member, kill(member.state, this.#nowMs()))) return;
    member.error ??= error;
    this.#lose(member);
    member.driver.kill();
  }

  /** Reports a loss once: when the member is killed, or when it has ended. */
  #lose(member: Member<D, E>): void {
    const { error, drainReason, isLost, wish, place, readyMs } = member;
    if (error === undefined || drainReason !== undefined || isLost || this.isClosing || this.isOnTrial(member)) return;
    member.isLost = true;
    // If it was being replaced, its place already rests.
    const isDeath = wish === undefined && (this.#options.isDeath?.(member) ?? true);
    const restMs = isDeath ? this.#rest(place, readyMs) : 0;
    this.#options.onLost?.(member, restMs);
  }

  #change(member: Member<D, E>, transition: Transition): boolean {
    if (transition.ok) member.state = transition.state;
    return transition.ok;
  }

  #rest(place: number, readyMs: number | undefined): number {
    const nowMs = this.#nowMs();
    const at = this.#place(place);
    const restMs = at.backoff.died(readyMs === undefined ? undefined : nowMs - readyMs);
    at.restsUntilMs = Math.max(at.restsUntilMs, nowMs + restMs);
    return restMs;
  }

  #resting(nowMs: number): ReadonlyMap<number, number> {
    const resting = new Map<number, number>();
    for (const [place, { restsUntilMs }] of this.#places) if (restsUntilMs > nowMs) resting.set(place, restsUntilMs);
    return resting;
  }

  #place(place: number): Place {
    let at = this.#places.get(place);
    if (at === undefined) {
      const { backoff = BACKOFF_LIMITS, firstGeneration = 0 } = this.#options;
      at = { backoff: new Backoff(backoff), restsUntilMs: -Infinity, generation: firstGeneration };
      this.#places.set(place, at);
    }
    return at;
  }

  #noteTrial(member: Member<D, E>): void {
    const trial = this.#trial;
    if (trial === undefined || !this.isOnTrial(member) || trial.failed !== undefined) return;
    const { error } = member;
    trial.failed = { error };
    trial.ready.reject(error);
    // A caller that does not wait for the trial learns of the failure by `onGone`.
    trial.ready.promise.catch(() => {});
  }

  #settle(wanted: number): void {
    const trial = this.#trial;
    if (trial === undefined || trial.failed !== undefined) return;
    const ready = this.members.filter(({ place, isReady }) => place >= trial.from && isReady).length;
    if (ready >= wanted - trial.from) trial.ready.resolve();
  }

  #nowMs(): number {
    return this.#options.clock.nowMs();
  }
}
