/**
 * What the root does about scheduler threads that stand still: a task or an actor that computes and never awaits holds up
 * everything else on its thread, and nothing on the thread can say so.
 *
 *   the beat stops ─▶ look who has the turn (interruption.ts) ─▶ report it, once
 *                                                           ├▶ end it: `exit(pid, "kill")` was called, or the budget is used up
 *                                                           └▶ quarantine: `kill` has not worked in time. The thread is ended
 *
 * Invariants
 * - Only an actor is ended, and only in the turn in which it was found: the budget counts from the first look.
 * - An actor that has exited already, and computes while it unwinds, has `BLOCKED_MS`: nobody waits for its end.
 * - A thread that turns again has read what it was told before, so orders against its actors are void. So is an order
 *   against an actor that had exited before: each look asks for that (turn-handle.ts). A thread in a native call cannot be asked.
 * - A thread is quarantined at most once, and never without an order (runaway-verdict.ts).
 *
 * Blocking threads are not watched: they may compute. Nor is the root, which no other thread could watch.
 */

import { isOutOfDescriptors } from "../../platform/descriptors.ts";
import { monotonicMs } from "../../kit/clock.ts";
import type { TurnInspector, TurnLook, TurnView } from "../../supervise/inspect/turn-look.ts";
import { type Standing, Watchdog } from "../../supervise/watchdog.ts";
import { HeddleError } from "../../errors/errors.ts";
import type { RuntimeWarning } from "./root-options.ts";
import { BLOCKED_MS, type Judgement, runawayVerdict, SUSPECT_MS } from "./runaway-verdict.ts";

const LOOK_MS = 250;
/** While somebody is to be ended. */
const LOOK_SOON_MS = 50;

/** A thread that runs JavaScript answers in milliseconds. */
const PATIENCE_MS = 500;

export interface RunawayContext {
  /** When the thread's loop last turned; undefined: it has nothing to do. */
  readonly board: { beatMs(thread: number): number | undefined };
  /** The runtime has not started it: its owner replaces it. */
  readonly isOwned: (thread: number) => boolean;
  /** It was put in quarantine, and ends. One that drains is watched to its end. */
  readonly isGivenUp: (thread: number) => boolean;
  /** Threads that run units: the runtime's number, and Node's. */
  readonly threads: () => Iterable<readonly [thread: number, threadId: number]>;
  /** Its owner watches it too, and reports code that is of no actor or task. */
  readonly isOthersToTell: (thread: number) => boolean;
  /** In messages. */
  readonly nameOf: (thread: number) => string;
  readonly warn: (warning: RuntimeWarning) => void;
  /** Gives a thread up: ends it, whatever it does, and tells all others; or has its owner replace it. */
  readonly quarantine: (thread: number, why: HeddleError) => void;
  /** Loaded when there is somebody to look at. */
  readonly inspector: () => Promise<TurnInspector>;
}

/** How long an actor or task may compute at a stretch. */
export interface RunawayLimits {
  /** Then an actor is ended. */
  readonly endMs: number;
  /** Then it is reported. */
  readonly warnMs: { readonly actor: number; readonly task: number };
}

/** No order is on its way for longer, unless the killer's thread stands still for as long. */
const EARLY_MS = 30_000;

/** A `kill` that was sent, on two clocks. */
interface Order {
  readonly sinceMs: number;
  /** On the clock of `#ownMs`. */
  readonly ownMs: number;
}

/** How many of the actors that are to be ended a thread is asked for at a time. */
const ASKED = 1000;

/** Who was found on a thread that does not turn. */
interface Suspect {
  look: TurnLook | undefined;
  /** Whether the last look that was answered has found a task, or an actor that is not to be ended. Undefined: no look yet. */
  isOther: boolean | undefined;
  lookedMs: number;
  /** When this stretch of it was first seen. */
  sinceMs: number;
  reported: boolean;
}

export class RunawayThreads {
  /** The name of the task that has the turn on a thread that does not answer, from the board. */
  nameOf: (thread: number) => string | undefined = () => undefined;
  /** Actors that were ended because their budget was used up. */
  ended = 0;
  readonly #context: RunawayContext;
  readonly #watchdog: Watchdog<number>;
  /** Node's numbers of the threads. */
  #threadIds: ReadonlyMap<number, number> = new Map();
  readonly #suspects = new Map<number, Suspect>();
  /** Actors that are to be ended, by thread, and when that was said. */
  readonly #orders = new Map<number, Map<number, Order>>();
  /**
   * Time that counts for patience: that in which this thread looked as often as it wanted. While the machine is too busy for this
   * thread, it is for others too, and they may need longer to answer.
   */
  #ownMs = 0;
  #tickedMs = monotonicMs();
  /** Actors that have exited before their order came, and when: what another thread says may overtake it. */
  readonly #obeyedEarly = new Map<string, number>();
  readonly #busy = new Set<number>();
  #limits: RunawayLimits = { endMs: Infinity, warnMs: { actor: BLOCKED_MS, task: BLOCKED_MS } };
  #isStarted = false;

  constructor(context: RunawayContext) {
    this.#context = context;
    this.#watchdog = new Watchdog({
      threads: () => {
        this.#tick();
        this.#threadIds = new Map(context.threads());
        for (const thread of this.#orders.keys()) if (!this.#threadIds.has(thread)) this.#orders.delete(thread);
        for (const thread of this.#suspects.keys()) if (!this.#threadIds.has(thread)) this.#suspects.delete(thread);
        this.start();
        return this.#threadIds.keys();
      },
      pulse: (thread) => {
        const beatMs = context.board.beatMs(thread);
        return beatMs === undefined ? undefined : { beatMs, progress: 0 };
      },
      attend: (thread, standing) => this.#attend(thread, standing),
    });
  }

  set limits(limits: Partial<RunawayLimits>) {
    this.#limits = { ...this.#limits, ...limits };
    if (this.#isStarted) this.start();
  }

  /** There are threads to watch. */
  start(): void {
    this.#isStarted = true;
    this.#watchdog.start(this.#limits.endMs === Infinity && this.#orders.size === 0 ? LOOK_MS : LOOK_SOON_MS);
  }

  /** Whose code runs on a scheduler thread that does not answer. Undefined: it cannot be looked at. */
  async lookAt(thread: number): Promise<TurnLook | undefined> {
    const threadId = new Map(this.#context.threads()).get(thread);
    if (threadId === undefined) return undefined;
    try {
      return await (await this.#context.inspector()).lookAtTurn(threadId, PATIENCE_MS, []);
    } catch (error) {
      if (isOutOfDescriptors(error)) return undefined;
      throw error;
    }
  }

  /** The actor was told to exit with `kill`: if it computes it will not hear of it. */
  order(thread: number, actor: number): void {
    if (this.#obeyedEarly.delete(`${thread}.${actor}`)) return;
    const orders = this.#orders.get(thread) ?? new Map<number, Order>();
    // Who says it again does not wait longer.
    const order = orders.get(actor) ?? { sinceMs: monotonicMs(), ownMs: this.#ownMs };
    this.#orders.set(thread, orders.set(actor, order));
    this.start();
  }

  /** The actor has exited. */
  obeyed(thread: number, actor: number): void {
    const orders = this.#orders.get(thread);
    if (orders?.delete(actor) === true) {
      if (orders.size === 0) this.#orders.delete(thread);
      return;
    }
    const nowMs = monotonicMs();
    for (const [early, sinceMs] of this.#obeyedEarly) {
      if (nowMs - sinceMs < EARLY_MS) break;
      this.#obeyedEarly.delete(early);
    }
    this.#obeyedEarly.set(`${thread}.${actor}`, nowMs);
  }

  #attend(thread: number, standing: Standing | undefined): void {
    if (this.#context.isGivenUp(thread)) return;
    this.#voidOrders(thread, standing?.beatMs ?? monotonicMs());
    if (standing === undefined || standing.stillMs < SUSPECT_MS) this.#suspects.delete(thread);
    else if (!this.#busy.has(thread)) void this.#suspect(thread, this.#threadIds.get(thread)!, standing.stillMs);
  }

  #tick(): void {
    const nowMs = monotonicMs();
    this.#ownMs += Math.min(nowMs - this.#tickedMs, 2 * LOOK_SOON_MS);
    this.#tickedMs = nowMs;
  }

  /** The thread's beat came a good while after the order: it has read it. */
  #voidOrders(thread: number, beatMs: number): void {
    const orders = this.#orders.get(thread);
    if (orders === undefined) return;
    for (const [actor, { sinceMs }] of orders) if (beatMs > sinceMs + SUSPECT_MS) orders.delete(actor);
    if (orders.size === 0) this.#orders.delete(thread);
  }

  async #suspect(thread: number, threadId: number, silentMs: number): Promise<void> {
    const suspect = this.#suspects.get(thread) ?? newSuspect();
    this.#suspects.set(thread, suspect);
    this.#busy.add(thread);
    try {
      let judgement = this.#runawayVerdict(thread, suspect, silentMs);
      if (judgement !== "wait" && judgement !== "end") await this.#look(thread, threadId, suspect);
      if (judgement === "report") {
        if (silentMs >= this.#warnMsOf(thread, suspect.look)) this.#report(thread, suspect, silentMs);
      }
      // Before a thread is given up, it is asked once more.
      else judgement = this.#runawayVerdict(thread, suspect, silentMs);
      if (judgement === "quarantine") this.#quarantine(thread, suspect);
      if (judgement === "end") await this.#end(thread, threadId, suspect);
    } catch (error) {
      // What looks into threads could not be loaded just now. The thread is looked at again.
      if (!isOutOfDescriptors(error)) throw error;
    } finally {
      this.#busy.delete(thread);
    }
  }

  #runawayVerdict(thread: number, suspect: Suspect, silentMs: number): Judgement {
    const { look, lookedMs, sinceMs, reported, isOther = true } = suspect;
    const nowMs = monotonicMs();
    const found = look?.turn;
    const orders = this.#orders.get(thread);
    const actor = found && { seenForMs: nowMs - sinceMs, isOrdered: orders?.has(found.id) === true };
    return runawayVerdict({
      silentMs,
      reported,
      lookedAgoMs: nowMs - lookedMs,
      turn: actor === undefined ? "unknown" : found?.what === "actor" ? actor : "task",
      isOther,
      orderedForMs: orders && this.#ownMs - oldest(orders)[1].ownMs,
      budgetMs: this.#budgetOf(found),
      warnMs: this.#warnMsOf(thread, look),
    });
  }

  #budgetOf(turn: TurnView | undefined): number {
    return turn?.hasEnded === true ? Math.min(this.#limits.endMs, BLOCKED_MS) : this.#limits.endMs;
  }

  /** When what is known of the code that runs is reported. Before the first look: when something might have to be. */
  #warnMsOf(thread: number, look: TurnLook | undefined): number {
    const { actor, task } = this.#limits.warnMs;
    if (look?.turn !== undefined) return look.turn.what === "actor" ? actor : task;
    // Native code, or the thread's own: of a task, or of nobody.
    if (look !== undefined) return this.#context.isOthersToTell(thread) ? Infinity : task;
    return Math.min(actor, task);
  }

  async #look(thread: number, threadId: number, suspect: Suspect): Promise<void> {
    const orders = this.#orders.get(thread);
    const ordered = orders === undefined ? [] : [...orders.keys().take(ASKED)];
    let look: TurnLook | undefined;
    try {
      const { lookAtTurn } = await this.#context.inspector();
      look = await lookAtTurn(threadId, PATIENCE_MS, ordered);
    } catch (error) {
      // What looks into threads could not be loaded just now.
      if (isOutOfDescriptors(error)) return;
      throw error;
    }
    suspect.lookedMs = monotonicMs();
    // One that has exited and computes on is to be ended nevertheless.
    for (const actor of look?.gone ?? []) if (actor !== look!.turn?.id) orders!.delete(actor);
    if (orders?.size === 0) this.#orders.delete(thread);
    // Who does not answer this time is still the one that was seen computing.
    if (look === undefined) suspect.isOther ??= false;
    else suspect.isOther = look.turn !== undefined && orders?.has(look.turn.id) !== true;
    if (!isSame(suspect.look?.turn, look?.turn)) suspect.sinceMs = suspect.lookedMs;
    suspect.look = look;
  }

  /** Ends who was found, if it still has the same turn. */
  async #end(thread: number, threadId: number, suspect: Suspect): Promise<void> {
    const { interrupt } = await this.#context.inspector();
    const seen = suspect.look!.turn!;
    const orders = this.#orders.get(thread);
    const outcome = await interrupt(threadId, (turn) => isSame(seen, turn));
    if (outcome !== "ended") {
      suspect.look = undefined;
      return;
    }
    if (orders?.delete(seen.id) !== true) this.#tellEnd(thread, suspect);
    this.#suspects.delete(thread);
  }

  #quarantine(thread: number, suspect: Suspect): void {
    const isOwned = this.#context.isOwned(thread);
    const [actor, { sinceMs }] = oldest(this.#orders.get(thread)!);
    this.#orders.delete(thread);
    this.#suspects.delete(thread);
    const message = `${this.#context.nameOf(thread)} ${isOwned ? "is replaced" : "was ended, with all that ran on it"}: the actor <${thread}.${actor}> was sent "kill" ${Math.round(monotonicMs() - sinceMs)} ms ago and could not be ended, because ${obstacle(suspect)}.`;
    const why = new HeddleError("THREAD_QUARANTINED", message);
    // An owner says itself what becomes of its thread.
    if (isOwned) return this.#context.quarantine(thread, why);
    const detail = "Let what computes for long await yieldNow() now and then, or run it with blocking().";
    this.#context.warn({ code: why.code, message, detail });
    this.#context.quarantine(thread, why);
  }

  #report(thread: number, suspect: Suspect, silentMs: number): void {
    suspect.reported = true;
    const turn = suspect.look?.turn;
    const known = turn?.name ?? (suspect.look === undefined ? this.nameOf(thread) : undefined);
    const what = turn?.what ?? (known === undefined ? "thread" : "task");
    const who = turn === undefined && known === undefined ? "something" : nameOf(what, known, turn?.id);
    this.#context.warn({
      code: `${what.toUpperCase()}_BLOCKS`,
      message: `${who} has run for ${Math.round(silentMs)} ms on ${this.#placeOf(thread, suspect)} without awaiting.`,
      detail:
        "Everything else on that thread waits for it. Run it with blocking(), or let it await yieldNow() now and then.",
    });
  }

  #tellEnd(thread: number, suspect: Suspect): void {
    this.ended += 1;
    const turn = suspect.look!.turn!;
    const what =
      turn.hasEnded === true
        ? "was stopped in the middle of its cleaning up after its exit"
        : 'was ended with the reason "killed"';
    this.#context.warn({
      code: "ACTOR_RAN_AWAY",
      message: `${nameOf("actor", turn.name, turn.id)} ${what}: it has run for more than ${turn.hasEnded === true ? "" : "the runaway budget of "}${this.#budgetOf(turn)} ms on ${this.#placeOf(thread, suspect)} without awaiting.`,
      ...(suspect.look!.stack !== undefined && { detail: suspect.look!.stack }),
    });
  }

  #placeOf(thread: number, { look }: Suspect): string {
    const frame = look?.frame;
    return `${this.#context.nameOf(thread)}${frame === undefined ? "" : `, in ${frame.functionName} (${frame.location}),`}`;
  }
}

function newSuspect(): Suspect {
  return { look: undefined, isOther: undefined, lookedMs: -Infinity, sinceMs: 0, reported: false };
}

function isSame(a: TurnView | undefined, b: TurnView | undefined): boolean {
  return a !== undefined && b !== undefined && a.what === b.what && a.id === b.id && a.stretch === b.stretch;
}

function nameOf(what: string, name: string | undefined, id: number | undefined): string {
  return name === undefined ? `${what} ${id}` : `the ${what} "${name}"`;
}

/** Orders are kept in the order in which they came. There may be very many. */
function oldest(orders: ReadonlyMap<number, Order>): readonly [actor: number, order: Order] {
  return orders.entries().next().value!;
}

/** Why nobody could be ended, as far as it is known. */
function obstacle({ look }: Suspect): string {
  if (look === undefined)
    return "the thread does not answer (it is in a native call such as execSync, or Node does not allow the inspector)";
  const { turn, frame } = look;
  const place = frame === undefined ? "" : ` in ${frame.functionName} (${frame.location})`;
  if (turn === undefined)
    return `code that is of no actor or task, or of one that another has resumed, computes${place}`;
  return `${nameOf(turn.what, turn.name, turn.id)} computes${place}`;
}
