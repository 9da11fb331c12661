/**
 * On the root: claims of names and of unique keys, and who is told of a registration.
 *
 * A worker or a thread of a server may be replaced while it still works: it ends when it has finished. Its replacement runs the same
 * code, and registers the same names. Such a registration waits behind that of the replaced one:
 *
 *   audience "thread"   it waits for a thread of this worker: only its own thread knows it
 *            "worker"   it waits for a worker: all threads of this worker know it
 *            "all"      it holds the name
 *
 * Invariants
 * - A thread that knows several registrations of a name takes the one with the largest number. Whoever is told of the next holder before
 *   it hears that the last one is gone has the right one; whoever hears it after finds none for a moment, but never a dead one
 *   behind a DOWN message.
 * - An audience only grows. It does so when a registration before it is freed.
 * - If the replacement ends first, the replaced one's registration is what all others have known all the time.
 *
 * Rejected: to give the replacement the name at once. Then requests of the replaced one would find an actor that is still booting.
 */

import { isHere } from "../across/own-worker.ts";
import { MAY } from "../across/protocol.ts";
import {
  ask,
  broadcast,
  broadcastHere,
  claimName,
  isWaiting,
  type Message,
  onQuestion,
  post,
  replacesThread,
  thisThread,
} from "../messaging/remote.ts";

export type Audience = "thread" | "worker" | "all";

interface Known {
  readonly number: number;
  readonly pid: { readonly thread: number };
}

/**
 * The number of the registration, or 0: it is taken. `holder`: the thread of this worker's last registration. `mayFollow`: it may wait
 * behind those that its thread or worker replaces.
 */
export async function claim(
  id: string,
  thread: number,
  holder: number | undefined,
  mayFollow: boolean,
): Promise<number> {
  if (holder === undefined) return await claimName(id, mayFollow ? MAY.followReplaced : 0);
  if (!mayFollow || !replacesThread(thread, holder)) return 0;
  return await claimName(id, MAY.followReplaced | MAY.followOwn);
}

/**
 * The last registration of this worker, as its thread knows it: the news that it is free may be on its way. If its thread has ended, its
 * registrations are gone too.
 */
export async function lastHeld<Each extends Known>(known: () => readonly Each[]): Promise<Each | undefined> {
  for (;;) {
    const last = lastHere(known());
    if (last === undefined) return undefined;
    const { thread } = last.pid;
    if (thread !== thisThread) await Promise.allSettled([ask(thread, "ping")]);
    if (lastHere(known()) === last) return last;
  }
}

onQuestion("ping", () => true);

function lastHere<Each extends Known>(known: readonly Each[]): Each | undefined {
  return known.filter(({ pid }) => isHere(pid.thread)).toSorted((a, b) => b.number - a.number)[0];
}

/** `known`: the registrations of the same name. */
export function audienceOf(number: number, known: readonly Known[]): Audience {
  if (!isWaiting(number)) return "all";
  const waitsHere = known.some((other) => other.number < number && isHere(other.pid.thread));
  return waitsHere ? "thread" : "worker";
}

/** `otherwise`: the thread that is told if nobody else is. */
export function tellAudience(audience: Audience, message: Message, otherwise: number): void {
  if (audience === "all") broadcast(message);
  else if (audience === "worker") broadcastHere(message);
  else post(otherwise, message);
}
