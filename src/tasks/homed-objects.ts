/**
 * Objects that live on one thread and have stand-ins on others: channels, locks, contexts. The object's thread is its home.
 *
 * Home keeps an object as long as stand-ins for it may exist (weighted reference counting). Each reference that leaves home
 * carries a weight, and home remembers the sum. When a stand-in is sent on, it gives away half of its weight. When it is
 * collected or arrives at home, it gives its weight back. At zero no other thread knows the object. Unlike with plain
 * reference counting, no message has to overtake another.
 *
 * A weight of one can't be halved. Then the reference has none, and the stand-in that was sent on is kept (`kept`), with its weight, until
 * the other side needs the reference no longer. It does not if it has a stand-in already: so no two keep each other. That news goes by
 * way of home, so that it comes after what was asked of home.
 *
 * The weights of a dead thread's stand-ins are lost. Such an object is kept until the program ends.
 */

import { HeddleError } from "../errors/errors.ts";
import { registerReferences } from "../runtime/copy/references.ts";
import { connected, handle, LIBRARY, onThreadGone, OP, tell } from "./task-service.ts";

/** Each reference that leaves home can be halved twenty times. */
const WEIGHT = 2 ** 20;

/** The home of constants. */
const NOWHERE = -1;

interface Homed {
  readonly object: object;
  weight: number;
}

/**
 * What is sent: the home, the object's number, the weight, and the facts that the stand-in needs at once. `keeper`: the thread that keeps
 * its own stand-in for this reference, which has no weight.
 */
type Reference = readonly [home: number, id: number, weight: number, facts: unknown, keeper?: number];

export interface StandIn {
  readonly home: number;
  readonly id: number;
}

interface Known extends StandIn {
  weight: number;
  readonly facts: unknown;
  /** Its stand-in, while it is in use. */
  object: WeakRef<object>;
  /** The thread that keeps its own stand-in for this one, which had no weight when it was made. */
  readonly keeper: number | undefined;
}

/** Stand-ins that are kept for references without weight, and how many there are. */
const kept = new Map<string, { readonly object: object; references: number }>();

let lastId = 0;
const byId = new Map<number, Homed>();
const ids = new WeakMap<object, number>();
const known = new Map<string, Known>();
const standIns = new WeakMap<object, Known>();
const lost = new Map<number, HeddleError>();

const collected = new FinalizationRegistry<string>((key) => {
  const entry = known.get(key);
  // A new stand-in may have replaced it.
  if (entry === undefined || entry.object.deref() !== undefined) return;
  known.delete(key);
  if (entry.keeper !== undefined) giveUp(entry, entry.keeper);
  tell(entry.home, [OP.drop, entry.id, entry.weight]);
});

export interface HomedKind<T extends object> {
  readonly tag: string;
  readonly prototypes: readonly object[];
  /** Called at home, when a reference leaves. */
  readonly facts: (object: T) => unknown;
  /** If facts may change: called where a stand-in is sent on. Default: the facts it was made with. */
  readonly factsOfStandIn?: (object: T) => unknown;
  /** A reference to an object that this thread knows has come, with facts that may be newer. */
  readonly learn?: (object: T, facts: unknown) => void;
  /** It means the same on every thread by its facts alone, so it has no home. */
  readonly isConstant?: (object: T) => boolean;
  readonly standIn: (reference: StandIn, facts: unknown) => T;
}

export function registerHomed<T extends object>(kind: HomedKind<T>): void {
  const { tag, prototypes, facts, isConstant } = kind;
  registerReferences<T>({
    tag,
    prototypes,
    module: LIBRARY,
    encode: (object) =>
      isConstant?.(object) === true ? [NOWHERE, 0, 0, facts(object)] : encode(object, kind as never),
    decode: (data) => decode(data as Reference, kind as never) as T,
  });
}

function encode(object: object, kind: HomedKind<object>): Reference {
  const foreign = standIns.get(object);
  if (foreign === undefined) {
    // First: it throws if a part can't be copied.
    const facts = kind.facts(object);
    const id = ids.get(object) ?? ++lastId;
    ids.set(object, id);
    const homed = byId.get(id) ?? { object, weight: 0 };
    byId.set(id, homed);
    homed.weight += WEIGHT;
    return [connected().self, id, WEIGHT, facts];
  }
  const facts = kind.factsOfStandIn === undefined ? foreign.facts : kind.factsOfStandIn(object);
  const half = Math.floor(foreign.weight / 2);
  foreign.weight -= half;
  if (half > 0) return [foreign.home, foreign.id, half, facts];
  keep(keyOf(foreign.home, foreign.id), object);
  return [foreign.home, foreign.id, 0, facts, connected().self];
}

function keep(key: string, object: object): void {
  const entry = kept.get(key) ?? { object, references: 0 };
  kept.set(key, entry);
  entry.references += 1;
}

/** A reference without weight is not needed any more. */
function giveUp({ home, id }: StandIn, keeper: number): void {
  if (keeper === connected().self) notKept(keyOf(home, id));
  else tell(home, [OP.giveUp, id, keeper]);
}

function notKept(key: string): void {
  const entry = kept.get(key);
  if (entry === undefined) return;
  entry.references -= 1;
  if (entry.references === 0) kept.delete(key);
}

function keyOf(home: number, id: number): string {
  return `${home}/${id}`;
}

function decode([home, id, weight, facts, keeper]: Reference, kind: HomedKind<object>): object {
  if (home === NOWHERE) return kind.standIn({ home, id }, facts);
  if (home === connected().self) {
    const { object } = byId.get(id)!;
    if (keeper === undefined) dropped(id, weight);
    else tell(keeper, [OP.notKept, home, id]);
    kind.learn?.(object, facts);
    return object;
  }
  const key = keyOf(home, id);
  const entry = known.get(key);
  const existing = entry?.object.deref();
  if (entry !== undefined && existing !== undefined) {
    entry.weight += weight;
    if (keeper !== undefined) giveUp(entry, keeper);
    kind.learn?.(existing, facts);
    return existing;
  }
  const object = kind.standIn({ home, id }, facts);
  const all = weight + (entry?.weight ?? 0);
  const fresh: Known = {
    home,
    id,
    weight: all,
    facts,
    object: new WeakRef(object),
    keeper: entry === undefined ? keeper : entry.keeper,
  };
  if (entry !== undefined && keeper !== undefined) giveUp(entry, keeper);
  known.set(key, fresh);
  standIns.set(object, fresh);
  collected.register(object, key);
  return object;
}

function dropped(id: number, weight: number): void {
  const homed = byId.get(id);
  if (homed === undefined) return;
  homed.weight -= weight;
  if (homed.weight === 0) byId.delete(id);
}

/** Whether it is a constant, which has no home thread. */
export function hasNoHome({ home }: StandIn): boolean {
  return home === NOWHERE;
}

/** This thread's object that others know under this number. */
export function homedAt(id: number): object {
  return byId.get(id)!.object;
}

/** The error of operations on it, if its home has ended. */
export function lossOf({ home }: StandIn, what: string): HeddleError | undefined {
  const why = lost.get(home);
  return why === undefined && connected().has(home) ? undefined : lostError(what, home, why);
}

export function lostError(what: string, home: number, cause: HeddleError | undefined): HeddleError {
  const message = `the ${what} is lost: it lived on thread ${home}, which has ended.`;
  return new HeddleError("CHANNEL_LOST", message, cause === undefined ? {} : { cause });
}

handle(OP.drop, (_from, [id, weight]) => dropped(id as number, weight as number));
handle(OP.giveUp, (_from, [id, keeper]) => {
  tell(keeper as number, [OP.notKept, connected().self, id]);
});
handle(OP.notKept, (_from, [home, id]) => notKept(keyOf(home as number, id as number)));
onThreadGone((thread, why) => {
  lost.set(thread, why);
  for (const key of kept.keys()) if (key.startsWith(`${thread}/`)) kept.delete(key);
});
