/**
 * Links, here and across threads.
 *
 * A link across threads (Erlang's distribution protocol, "Link Protocol", since OTP 23) is kept by both threads. Each side is in
 * one of three states towards the other: linked (`links`), unlinking (`unlinking`, with the number of the unlink), or neither.
 * - `unlink`: linked ─▶ unlinking, and the other is told. It leaves the state when the other has acknowledged this number. Until
 *   then all that the link brings, a new link included, was sent before the other knew, and is dropped.
 * - `link`: unlinking ─▶ linked, and the other is told. The acknowledgement of the earlier unlink is then ignored.
 * - Who is told of an unlink is not linked any more, and acknowledges it, whatever its state was.
 * So both sides agree as soon as all their messages have arrived. Without numbers and acknowledgements, a side that unlinks
 * cannot tell a link that the other has made before it heard of that from one made after.
 */

import { arrive, tie, whyGone } from "../process/exit-signals.ts";
import type { Pid } from "../process/pid.ts";
import { Process } from "../process/process.ts";
import { exportPid, importPid, localProcess } from "../process/process-table.ts";
import { rareFieldsOf } from "../process/rare-fields.ts";
import { onMessage, post } from "../messaging/remote.ts";

export function link(process: Process, to: Pid): void {
  if (to === process) return;
  const links = (rareFieldsOf(process).links ??= new Set());
  if (links.has(to)) return;
  if (to instanceof Process) {
    if (to.status === "dead") return arrive(to, process, "noproc", "sent");
    (rareFieldsOf(to).links ??= new Set()).add(process);
  } else {
    process.extra!.unlinking?.delete(to);
    exportPid(process);
    if (!post(to.thread, ["link", to.id, process.id])) return arrive(to, process, whyGone(to), "sent");
    tie(process, to.thread);
  }
  links.add(to);
}

export function unlink(process: Process, to: Pid): void {
  if (process.extra?.links?.delete(to) !== true) return;
  if (to instanceof Process) return void to.extra?.links?.delete(process);
  const number = ++lastUnlink;
  if (!post(to.thread, ["unlink", to.id, process.id, number])) return;
  (process.extra.unlinking ??= new Map()).set(to, number);
  tie(process, to.thread);
}

let lastUnlink = 0;

/** The other end of a link that an actor of another thread has made. */
export function linkFrom(other: Pid, process: Process): void {
  const extra = rareFieldsOf(process);
  if (extra.unlinking?.has(other) === true) return;
  (extra.links ??= new Set()).add(other);
  tie(process, other.thread);
}

onMessage("link", (thread: number, id: number, fromId: number) => {
  const other = importPid([thread, fromId]);
  const process = localProcess(id);
  if (process === undefined) return void post(thread, ["noproc", fromId, id]);
  return linkFrom(other, process);
});

/** The answer to a link to an actor that does not exist: the link has existed on one side only. */
onMessage("noproc", (thread: number, id: number, otherId: number) => {
  const process = localProcess(id);
  const other = importPid([thread, otherId]);
  if (process?.extra?.links?.delete(other) === true) arrive(other, process, "noproc", "sent");
});

onMessage("unlink", (thread: number, id: number, fromId: number, number: number) => {
  localProcess(id)?.extra?.links?.delete(importPid([thread, fromId]));
  post(thread, ["unlinked", fromId, id, number]);
});

onMessage("unlinked", (thread: number, id: number, otherId: number, number: number) => {
  const unlinking = localProcess(id)?.extra?.unlinking;
  const other = importPid([thread, otherId]);
  if (unlinking?.get(other) === number) unlinking.delete(other);
});
