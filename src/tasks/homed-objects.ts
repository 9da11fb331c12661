/**
 * Objects that live on one thread and have stand-ins on others: channels, locks, contexts. The object's thread is its home.
 *
 * Home keeps an object as long as stand-ins for it may exist (weighted reference counting). Each reference that leaves home
 * carries a weight, and home remembers the sum. When a stand-in is sent on, it gives away half of its weight. When it is
 * collected or arrives at home, it gives its weight back. At zero no other thread knows the object. Unlike with plain
 * reference counting, no message has to overtake another.
 *
 * The weights of a dead thread's stand-ins are lost. Such an object is kept until the program ends.
 */

import { HeddleError } from "../errors/errors.ts";
import { registerReferences } from "../runtime/copy/references.ts";
import { connected, handle, onThreadGone, OP, tell } from "./task-service.ts";

/** Each reference that leaves home can be halved twenty times. */
const WEIGHT = 2 ** 20;

/** The home of constants. */
const NOWHERE = -1;

interface Homed {
  readonly object: object;
  weight: number;
}

/** What is sent: the home, the object's number, the weight, and the facts that the stand-in needs at once. */
type Reference = readonly [home: number, id: number, weight: number, facts: unknown];

export interface StandIn {
  readonly home: number;
  readonly id: number;
}

interface Known extends StandIn {
  weight: number;
  readonly facts: unknown;
  /** Its stand-in, while it is in use. */
  object: WeakRef<object>;
}

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
  // A weight of one can't be halved. Then home must keep the object for good.
  const half = Math.floor(foreign.weight / 2);
  foreign.weight -= half;
  if (half === 0) tell(foreign.home, [OP.drop, foreign.id, -Infinity]);
  return [foreign.home, foreign.id, half, facts];
}

function decode([home, id, weight, facts]: Reference, kind: HomedKind<object>): object {
  if (home === NOWHERE) return kind.standIn({ home, id }, facts);
  if (home === connected().self) {
    const { object } = byId.get(id)!;
    dropped(id, weight);
    kind.learn?.(object, facts);
    return object;
  }
  const key = `${home}/${id}`;
  const entry = known.get(key);
  const existing = entry?.object.deref();
  if (entry !== undefined && existing !== undefined) {
    entry.weight += weight;
    kind.learn?.(existing, facts);
    return existing;
  }
  const object = kind.standIn({ home, id }, facts);
  const all = weight + (entry?.weight ?? 0);
  const fresh: Known = { home, id, weight: all, facts, object: new WeakRef(object) };
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
onThreadGone((thread, why) => lost.set(thread, why));
