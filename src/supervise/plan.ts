/**
 * Decides what a pool must do now: compares wanted with actual. Pure: facts and a clock in, actions out.
 *
 * It runs after every event and at least once a second. Nothing here depends on seeing an event. A message that was lost, came
 * early or came twice changes when something is done, never whether.
 *
 * A pool has places, numbered from 0. A member keeps one place for its life. There are two kinds of pools:
 *
 *   fixed    each of the places 0 to wanted-1 has a member that is starting or ready. A member that should be replaced goes on
 *            until its successor, at the same place, is ready: meanwhile a place has two members, never three. Members at
 *            places that are not wanted any more drain, but not while they stand in for wanted places without a ready member.
 *   elastic  as many members as wanted, each at the lowest free place, never two at one place. A member that should be
 *            replaced drains first. When fewer are wanted, the owner chooses which ones leave.
 *
 * After a death a place rests (`backoff.ts`). A resting place counts as taken, so that a crash loop does not move on to the
 * next place.
 */

import { type MemberState, MOST_URGENT } from "./member-state.ts";

export interface Rules {
  readonly kind: "fixed" | "elastic";
  /** The most members that start at the same time. */
  readonly startingAtOnce: number;
  /** In a trial the first member starts alone. A failure then happens only once, and the others find its compiled code. */
  readonly firstAlone: boolean;
  /**
   * Fixed pools: when a place is filled again. `at-once`, beside the member that leaves it. `after-kill`: if that one was killed,
   * not before it has ended. `after-end`: never before it has ended; one that is to be replaced drains first.
   */
  readonly refill: "at-once" | "after-kill" | "after-end";
  /** A member that is not ready within this time is killed. */
  readonly startTimeoutMs: number;
  /** How long a member that is replaced or not wanted any more may take to finish. */
  readonly drainMs: number;
  /** Time beyond a drain's deadline, for members that end by themselves at the deadline and can say more about it. */
  readonly drainMarginMs: number;
  /** A ready or draining member that was not heard from for this long is killed. 0: no check. */
  readonly silenceMs: number;
  /** A killed member that has not ended within this time is reported as stuck, once. */
  readonly killPatienceMs: number;
}

export interface MemberView {
  readonly place: number;
  readonly state: MemberState;
  /** Why it should be replaced: the reason for its drain. */
  readonly wish: string | undefined;
  readonly heardMs: number;
  readonly isStuck: boolean;
}

export interface PoolView<M extends MemberView> {
  /** The members that are not gone, in the order of their starts. */
  readonly members: readonly M[];
  readonly wanted: number;
  /** The number of places. A fixed pool has as many as are wanted. */
  readonly places: number;
  /** Places that rest now, and until when. */
  readonly resting: ReadonlyMap<number, number>;
  /** From this place on, members are on trial: none is replaced or restarted. Infinity: none is on trial. */
  readonly trialFrom: number;
  /** Places on trial whose member was already started. */
  readonly tried: ReadonlySet<number>;
  /** All members must leave. */
  readonly closing: { readonly reason: string; readonly deadlineMs: number } | undefined;
}

export type KillReason = "start-timeout" | "drain-timeout" | "silent" | "unwanted";

export type Action<M> =
  | { readonly do: "start"; readonly place: number }
  | { readonly do: "drain"; readonly member: M; readonly reason: string; readonly deadlineMs: number }
  | { readonly do: "kill"; readonly member: M; readonly reason: KillReason }
  | { readonly do: "tell-stuck"; readonly member: M };

export interface Plan<M> {
  readonly actions: readonly Action<M>[];
  /** When time alone makes something due. Infinity: never. */
  readonly nextMs: number;
}

export function plan<M extends MemberView>(view: PoolView<M>, rules: Rules, nowMs: number): Plan<M> {
  const planning = new Planning(view, rules, nowMs);
  planning.limits();
  if (view.closing !== undefined) planning.close(view.closing);
  else if (rules.kind === "fixed") planning.fixed();
  else planning.elastic();
  return planning;
}

class Planning<M extends MemberView> implements Plan<M> {
  readonly actions: Action<M>[] = [];
  nextMs: number = Number.POSITIVE_INFINITY;
  readonly #view: PoolView<M>;
  readonly #rules: Rules;
  readonly #nowMs: number;
  /** The members that this plan does not kill. */
  #members: readonly M[];

  constructor(view: PoolView<M>, rules: Rules, nowMs: number) {
    this.#view = view;
    this.#rules = rules;
    this.#nowMs = nowMs;
    this.#members = view.members;
  }

  /** Kills members that take too long or are silent. */
  limits(): void {
    const { startTimeoutMs, drainMarginMs, silenceMs, killPatienceMs } = this.#rules;
    this.#members = this.#view.members.filter((member) => {
      const { state, heardMs, isStuck } = member;
      if (state.name === "starting" && this.#isDue(state.sinceMs + startTimeoutMs)) {
        return this.#kill(member, "start-timeout");
      }
      if (state.name === "draining" && this.#isDue(state.deadlineMs + drainMarginMs)) {
        return this.#kill(member, "drain-timeout");
      }
      const listens = silenceMs > 0 && (state.name === "ready" || state.name === "draining");
      if (listens && this.#isDue(heardMs + silenceMs)) return this.#kill(member, "silent");
      if (state.name === "killed" && !isStuck && this.#isDue(state.sinceMs + killPatienceMs)) {
        this.actions.push({ do: "tell-stuck", member });
      }
      return true;
    });
  }

  close({ reason, deadlineMs }: { readonly reason: string; readonly deadlineMs: number }): void {
    for (const member of this.#members) {
      const { state } = member;
      if (state.name === "starting") this.#kill(member, "unwanted");
      const isMoreUrgent =
        state.name === "draining" &&
        (deadlineMs < state.deadlineMs || (reason === MOST_URGENT && state.reason !== MOST_URGENT));
      if (state.name === "ready" || isMoreUrgent) this.actions.push({ do: "drain", member, reason, deadlineMs });
    }
  }

  fixed(): void {
    const { wanted } = this.#view;
    this.#surplus(wanted);
    for (let place = 0; place < wanted; place++) {
      const here = this.#members.filter((member) => member.place === place);
      const active = here.filter(isActive);
      const newest = active.at(-1);
      if (newest === undefined) {
        if (!this.#mustWait(place)) this.#start(place);
        continue;
      }
      const isReady = newest.state.name === "ready";
      if (isReady) for (const old of active.slice(0, -1)) this.#dismiss(old, old.wish ?? "replace");
      const isReplaced = isReady && newest.wish !== undefined && place < this.#view.trialFrom;
      if (isReplaced && this.#rules.refill === "after-end") this.#dismiss(newest, newest.wish);
      else if (isReplaced) this.#start(place);
    }
  }

  /** Those that are ready stand in, lowest place first, for places that have nobody who is. */
  #surplus(wanted: number): void {
    // Those of a trial that has failed have never served.
    let vacant = this.#view.trialFrom === Infinity ? wanted : 0;
    for (let place = 0; place < wanted && vacant > 0; place++) if (this.#isReady(place)) vacant--;
    const surplus = this.#members.filter(({ place }) => place >= wanted).sort((a, b) => a.place - b.place);
    for (const member of surplus) {
      if (member.state.name === "ready" && vacant > 0) vacant--;
      else this.#dismiss(member, "scale");
    }
  }

  elastic(): void {
    const { wanted, places, resting, trialFrom, members } = this.#view;
    for (const member of this.#members) {
      const { wish, state } = member;
      if (wish !== undefined && state.name === "ready" && trialFrom === Infinity) this.#dismiss(member, wish);
    }
    const taken = new Set(members.map(({ place }) => place));
    const atRest = [...resting.keys()].filter((place) => place < places && !taken.has(place)).length;
    const active = this.#members.filter((member) => isActive(member) && member.wish === undefined).length;
    let missing = wanted - active - atRest;
    if (atRest > 0) for (const untilMs of resting.values()) this.#isDue(untilMs);
    for (let place = 0; place < places && missing > 0; place++) {
      if (taken.has(place) || resting.has(place)) continue;
      missing--;
      this.#start(place);
    }
  }

  /** Whether one that leaves the place must have ended before another one starts there. */
  #mustWait(place: number): boolean {
    const { refill } = this.#rules;
    // Those that this plan kills as well.
    const here = this.#view.members.filter((member) => member.place === place);
    if (refill === "after-end") return here.length > 0;
    const isKilled = (member: M): boolean => member.state.name === "killed" || !this.#members.includes(member);
    return refill === "after-kill" && here.some(isKilled);
  }

  #start(place: number): void {
    const { resting, trialFrom, tried } = this.#view;
    if (!this.#isDue(resting.get(place) ?? -Infinity)) return;
    const isTrial = place >= trialFrom;
    if (isTrial && tried.has(place)) return;
    if (isTrial && this.#rules.firstAlone && place > trialFrom && !this.#isReady(trialFrom)) return;
    const starting = this.#members.filter(({ state }) => state.name === "starting").length;
    const planned = this.actions.filter((action) => action.do === "start").length;
    if (starting + planned < this.#rules.startingAtOnce) this.actions.push({ do: "start", place });
  }

  /** The member is not wanted any more. */
  #dismiss(member: M, reason: string): void {
    if (member.state.name === "starting") this.#kill(member, "unwanted");
    if (member.state.name !== "ready") return;
    this.actions.push({ do: "drain", member, reason, deadlineMs: this.#nowMs + this.#rules.drainMs });
  }

  #kill(member: M, reason: KillReason): false {
    this.actions.push({ do: "kill", member, reason });
    return false;
  }

  #isReady(place: number): boolean {
    return this.#members.some((member) => member.place === place && member.state.name === "ready");
  }

  /** If not, the pool looks again when it is. */
  #isDue(atMs: number): boolean {
    if (this.#nowMs >= atMs) return true;
    this.nextMs = Math.min(this.nextMs, atMs);
    return false;
  }
}

function isActive({ state }: MemberView): boolean {
  return state.name === "starting" || state.name === "ready";
}
