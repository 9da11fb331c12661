/**
 * The units that are lost with one that is ended in the middle of a stretch: V8 drops the queued microtasks of a terminated turn.
 * If a promise of the program resumes several units, those behind the ended one never go on, and nothing shows that. So they are
 * found here, and told (`Turn.lost`).
 *
 *   the thread is paused ─▶ census: which of those that await other promises than ours can go on?
 *   the stretch is terminated ─▶ the next immediates ─▶ which of them cannot any more?
 *
 * V8's garbage collector answers both questions: the promise of an async function is referred to by the function alone, and a
 * suspended function by what will resume it. So the promise is gone exactly when nothing can resume the function.
 * The census is needed because some units wait for ever on purpose, or have leaked: they were not lost now.
 *
 * Invariants
 * - A unit that something can resume is never told. One that only the ended unit could have resumed is.
 * - The program keeps no reference to `Turn.ending`. Nor do we: once a unit is watched, only the weak map has it.
 * - Without units that await something else, no garbage is collected.
 *
 * Rejected: weak references. V8 keeps what they refer to until the job is over, which is what is to be terminated. A weak map does
 * not, and `inspect` with `showHidden` lists what is left in it.
 * Rejected: that nobody is ended while others await something else. A single unit that awaits a `fetch` would prevent it.
 */

import { inspect } from "node:util";
import { fullCollection } from "../kit/full-collection.ts";
import type { Turn } from "./run-queue.ts";

/** A unit's function may be resumed by anybody, or never. */
export interface Bystander extends Turn {
  /** What its function returns, until that is done or watched. */
  ending: Promise<unknown> | undefined;
  /** It awaits something that is not ours, or computes. */
  readonly isElsewhere: boolean;
  /** It never goes on. */
  lost(): void;
}

type Units = () => Iterable<Bystander>;

const kinds: Units[] = [];

/** Called for each kind of unit. */
export function addUnits(units: Units): void {
  kinds.push(units);
}

const watched: WeakMap<Promise<unknown>, Watched> = new WeakMap();
let found: Bystander[] = [];

class Watched {
  readonly #unit: Bystander;

  constructor(unit: Bystander) {
    this.#unit = unit;
  }

  [inspect.custom](): string {
    found.push(this.#unit);
    return "";
  }
}

/** Those of the watched whose function can go on. */
function whoCanGoOn(): Bystander[] {
  fullCollection();
  found = [];
  inspect(watched, { showHidden: true, maxArrayLength: Infinity, depth: 2 });
  const living = found.filter((unit) => unit.isElsewhere);
  found = [];
  return living;
}

let before: readonly Bystander[] = [];
/** Found, and not told yet. */
let missing: Bystander[] = [];
let isAnybodyWatched = false;

/** Before a unit is ended: who can go on. Runs while the thread is paused in the middle of that unit's stretch. */
export function takeCensus(condemned: Turn | undefined): void {
  for (const units of kinds) {
    for (const unit of units()) if (unit !== condemned && unit.isElsewhere) watch(unit);
  }
  if (isAnybodyWatched) compare(condemned);
}

function watch(unit: Bystander): void {
  const { ending } = unit;
  if (ending === undefined) return;
  unit.ending = undefined;
  watched.set(ending, new Watched(unit));
  isAnybodyWatched = true;
}

/** The unit before may have been ended just now. */
function compare(condemned?: Turn): void {
  const living = whoCanGoOn();
  const alive = new Set(living);
  missing.push(...before.filter((unit) => !alive.has(unit)));
  before = living.filter((unit) => unit !== condemned);
}

/** After it was ended, when nothing of its stretch is left. */
export function tellLost(): void {
  if (before.length > 0) compare();
  before = [];
  const lost = missing.filter((unit) => unit.isElsewhere);
  missing = [];
  for (const unit of lost) unit.lost();
}
