/**
 * `kill` for actors of other threads. Their thread may stand still, so that it cannot read the signal. So the root is told too: it
 * ends the actor where it is, or, if that does not work, the thread (runtime/threads/runaway-threads.ts). The thread that has
 * obeyed says so.
 *
 *   killer's thread ── exit ──▶ the actor's thread ── obeyed ──▶ killer's thread ── obeyed ──▶ root
 *                 └── killing ──▶ root                └── obeyed ──▶ root
 *
 * "root" is that of the actor's worker: the killer may be in another one.
 *
 * Without it, an order that was obeyed just before the thread stood still for another reason would count against that thread.
 * It is said twice. What comes directly may come before the order. Then what the killer's thread passes on counts: it comes
 * after the order, but only when that thread turns.
 */

import { runtime } from "../../runtime/runtime.ts";
import { root, rootOf } from "../across/own-worker.ts";
import { localOf } from "../across/thread-numbers.ts";
import { onMessage, post, thisThread } from "../messaging/remote.ts";

/** An actor of that thread was sent `kill`: if it does not react, the root acts. */
export function orderKill(thread: number, id: number): void {
  const itsRoot = rootOf(thread);
  // Nobody watches the root.
  if (thread === itsRoot) return;
  if (thisThread === itsRoot) runtime().runaways!.order(localOf(thread), id);
  else post(itsRoot, ["killing", thread, id]);
}

/** An actor of this thread that was killed from another one is dead. */
export function killObeyed(killer: number, id: number): void {
  if (thisThread === root) return;
  post(root, ["obeyed", thisThread, id]);
  if (killer !== root) post(killer, ["obeyed", thisThread, id]);
}

onMessage("killing", (_from: number, thread: number, id: number) => runtime().runaways!.order(localOf(thread), id));

onMessage("obeyed", (_from: number, thread: number, id: number) => {
  const itsRoot = rootOf(thread);
  if (thisThread === itsRoot) runtime().runaways!.obeyed(localOf(thread), id);
  else post(itsRoot, ["obeyed", thread, id]);
});
