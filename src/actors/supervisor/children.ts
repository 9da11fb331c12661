/**
 * Starting and stopping children, for supervisors of all kinds.
 *
 * To stop a child, the supervisor monitors it and sends the exit signal `shutdown`. A link is not enough, because the child may
 * have removed it. At its timeout the child is killed. The child's exit reason is returned, so that a crash while it stops is
 * not overlooked.
 *
 * `kill` works at once unless the child's thread stands still. Then that thread is ended, and the child with it
 * (runtime/threads/runaway-verdict.ts), except the program's first thread, and if that one stands still, no thread is. So the
 * supervisor does not wait longer than `GIVE_UP_MS`: it goes on without the child, which will die first of all when its thread
 * turns again.
 */

import { threadText } from "../across/thread-numbers.ts";
import { invalid } from "../arguments/arguments.ts";
import type { ActorProcess } from "../process/actor-process.ts";
import { reasonOf, StartIgnored, type ExitReason } from "../process/exit-reason.ts";
import { DownMessage, ExitMessage, signalExit } from "../process/exit-signals.ts";
import { ignore } from "../gen-server.ts";
import { Pid } from "../process/pid.ts";
import { Process } from "../process/process.ts";
import { rareFieldsOf } from "../process/rare-fields.ts";
import { spawn, type SpawnOptions } from "../process/spawn.ts";
import { pathOf, treePlace, type Place, type PlaceOption } from "../inspect/tree-path.ts";
import { runStart } from "./own-starts.ts";
import type { FullSpec, Shutdown } from "./spec.ts";

/** Longer than it takes to end a thread that stands still. */
const GIVE_UP_MS = 10_000;

export type Started =
  | { readonly type: "started"; readonly pid: Pid }
  | { readonly type: "ignored" }
  | { readonly type: "failed"; readonly reason: ExitReason };

/** Spawns a child, linked to its supervisor. Never rejects, unless the supervisor itself is dead. */
export async function startChildOf(
  self: ActorProcess,
  spec: FullSpec,
  extraArgs: readonly unknown[] = [],
  place: Place = { below: pathOf(self), id: spec.id },
): Promise<Started> {
  const { start } = spec;
  let started: Started;
  try {
    if (typeof start === "function") {
      const pid: unknown = await runStart(self, () => start(self));
      if (pid === ignore) started = { type: "ignored" };
      else {
        if (!(pid instanceof Pid)) throw invalid(`the result of start of the child ${spec.id}`, "a pid or ignore", pid);
        // It was killed while `start` ran. A link would have ended the child with it.
        if (self.status === "dead") signalExit(self, pid, self.exited().reason, "sent");
        self.link(pid);
        if (pid instanceof Process && pid.status !== "dead") rareFieldsOf(pid).place ??= place;
        started = { type: "started", pid };
      }
    } else {
      const [what, args = [], options = {}] = start;
      const all = [...args, ...extraArgs];
      const linked: SpawnOptions & PlaceOption = { ...options, link: self, [treePlace]: place };
      started = { type: "started", pid: await spawn(what as never, all as never, linked) };
    }
  } catch (error) {
    started = error instanceof StartIgnored ? { type: "ignored" } : { type: "failed", reason: reasonOf(error) };
  }
  if (self.status === "dead") throw self.exited();
  return started;
}

/** Resolves to the child's exit reason. */
export async function stopChild(
  self: ActorProcess,
  pid: Pid,
  shutdown: Shutdown,
  giveUpMs: number = GIVE_UP_MS,
): Promise<ExitReason> {
  const ref = self.monitor(pid);
  signalExit(self, pid, shutdown === "brutal_kill" ? "kill" : "shutdown", "sent");
  const isIts = (message: unknown): message is DownMessage => message instanceof DownMessage && message.ref === ref;
  let down = await self.receive(isIts, { timeoutMs: patienceMs(shutdown, giveUpMs) });
  if (down === undefined && shutdown !== "brutal_kill") {
    signalExit(self, pid, "kill", "sent");
    down = await self.receive(isIts, { timeoutMs: giveUpMs });
  }
  if (down === undefined) giveUp(self, ref, pid, giveUpMs);
  const exited = forgetExit(self, pid);
  // It had ended by itself, and the news was in the mailbox.
  if (down?.reason === "noproc" && exited !== undefined) return exited.reason;
  return down?.reason ?? "killed";
}

/** For how long the supervisor waits after its first signal. */
function patienceMs(shutdown: Shutdown, giveUpMs: number): number {
  if (shutdown === "brutal_kill") return giveUpMs;
  return shutdown === "infinity" ? Infinity : shutdown;
}

function giveUp(self: ActorProcess, ref: number, pid: Pid, giveUpMs: number): void {
  self.demonitor(ref, { flush: true });
  process.emitWarning(
    `the supervisor ${self.toString()} goes on without its child ${pid.toString()}, which was sent "kill" ${giveUpMs} ms ago: ${threadText(pid.thread)} stands still.`,
    { type: "HeddleWarning", code: "CHILD_ABANDONED", detail: "The child ends as soon as its thread goes on." },
  );
}

/** Stops all at once, with one timer for all, because there may be very many. Resolves to their exit reasons, as `stopChild` does. */
export async function stopAll(
  self: ActorProcess,
  pids: readonly Pid[],
  shutdown: Shutdown,
  giveUpMs: number = GIVE_UP_MS,
): Promise<[Pid, ExitReason][]> {
  const refs = new Map(pids.map((pid) => [self.monitor(pid), pid]));
  const reason = shutdown === "brutal_kill" ? "kill" : "shutdown";
  for (const pid of pids) signalExit(self, pid, reason, "sent");
  const gone = new Set(pids);
  const exits = new Map<Pid, ExitReason>();
  // Their exits are taken out as well. If they stayed, each search would begin with all of them.
  const isOfOne = (message: unknown): message is DownMessage | ExitMessage =>
    message instanceof DownMessage ? refs.has(message.ref) : message instanceof ExitMessage && gone.has(message.from!);
  const stopped: [Pid, ExitReason][] = [];
  let endMs = performance.now() + patienceMs(shutdown, giveUpMs);
  let killed = shutdown === "brutal_kill";
  while (refs.size > 0) {
    const news: DownMessage | ExitMessage | undefined = await self.receive(isOfOne, {
      timeoutMs: Math.max(0, endMs - performance.now()),
    });
    if (news instanceof ExitMessage) exits.set(news.from!, news.reason);
    else if (news !== undefined) {
      stopped.push([refs.get(news.ref)!, news.reason]);
      refs.delete(news.ref);
    } else if (killed) {
      for (const [ref, pid] of refs) {
        giveUp(self, ref, pid, giveUpMs);
        stopped.push([pid, "killed"]);
      }
      refs.clear();
    } else {
      killed = true;
      endMs = performance.now() + giveUpMs;
      for (const pid of refs.values()) signalExit(self, pid, "kill", "sent");
    }
  }
  self.mailbox?.takeAll((message) => {
    if (!(message instanceof ExitMessage) || !gone.has(message.from!)) return false;
    exits.set(message.from!, message.reason);
    return true;
  });
  // It had ended by itself, and the news was in the mailbox.
  return stopped.map(([pid, reason]) => [pid, reason === "noproc" ? (exits.get(pid) ?? reason) : reason]);
}

/** Removes the link's signal of a child that was stopped, which is no news. */
export function forgetExit(self: ActorProcess, pid: Pid): ExitMessage | undefined {
  self.unlink(pid);
  const taken = self.mailbox?.take((message: unknown) => message instanceof ExitMessage && message.from === pid);
  return taken instanceof ExitMessage ? taken : undefined;
}
