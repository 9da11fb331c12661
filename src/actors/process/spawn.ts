/**
 * Spawning, here and on other threads.
 *
 * Invariants
 * - Name, link and monitor are set before the actor's first step, so the spawning actor always learns of its exit.
 * - A server counts as spawned when its `init` is done, like `start_link` in OTP. Any other actor counts at once.
 * - On another thread, the new actor's messages to its parent (its end, for instance) come after the news that it exists.
 */

import { show } from "../arguments/arguments.ts";
import { checkSpawn } from "../arguments/spawn-arguments.ts";
import { copy } from "../../runtime/copy/copy.ts";
import { HeddleError } from "../../errors/errors.ts";
import { runtime, LOAD } from "../../runtime/runtime.ts";
import { pack, unpack, type Packed } from "../../runtime/copy/message-packing.ts";
import { runQueue } from "../../runtime/run-queue.ts";
import { rememberSite } from "../../runtime/watch/start-sites.ts";
import { inNextTurn, TurnPromise } from "../../runtime/turn-promise.ts";
import { Actor, isUnresolved, resolveActor, type Spawnable } from "./actor.ts";
import { ActorProcess } from "./actor-process.ts";
import { ExitError, reasonText, StartIgnored, type ExitReason } from "./exit-reason.ts";
import { newRef, packReason, signalExit, tie, watch, whyGone } from "./exit-signals.ts";
import { linkFrom } from "../exits/links.ts";
import { rareFieldsOf, type StartOutcome } from "./rare-fields.ts";
import type { MailboxLimits } from "../messaging/mailbox.ts";
import { register } from "../registry/registered-names.ts";
import type { Pid, PidData } from "./pid.ts";
import { currentProcess, defaultLimits, Process, type Body } from "./process.ts";
import { exportPid, importPid, localProcess } from "./process-table.ts";
import { ask, mayHaveActors, noThread, onMessage, onQuestion, post, thisThread } from "../messaging/remote.ts";
import { numberOf, root } from "../across/own-worker.ts";
import { localOf } from "../across/thread-numbers.ts";
import type { Self } from "./self.ts";
import type { Via } from "../registry/via.ts";
import { treePlace, type Place, type PlaceOption } from "../inspect/tree-path.ts";
import { withinInitTimeout } from "../time/init-timeout.ts";

export interface SpawnOptions {
  /**
   * Links the new actor to this one, before its first step. `true`: the actor whose code calls `spawn`, whatever it has
   * awaited.
   */
  readonly link?: boolean | Pid<never>;
  /** The actor that gets a DOWN message, as with `link`. The message's `pid` is that of the new actor. */
  readonly monitor?: boolean | Pid<never>;
  /** Registered under this name before its first step, or in a registry: `via(sessions, key, value)`. */
  readonly name?: string | Via;
  /** On this thread (the default), on the least loaded scheduler thread, or on the thread of this number. */
  readonly on?: "here" | "any" | number;
  /** Mailbox limits, instead of the defaults (`setMailboxLimits`). */
  readonly mailbox?: Partial<MailboxLimits>;
  /**
   * How long a server's `init`, or a supervisor's children, may take, in milliseconds. Then it is killed, and `spawn` rejects
   * with the reason `timeout`. Default: for ever. An `init` that computes and never awaits is not ended (`setRunawayBudget`).
   */
  readonly initTimeoutMs?: number;
}

/** Bodies that report themselves when they have started. */
const servers: WeakMap<Body, "worker" | "supervisor"> = new WeakMap();

export function markServer(body: Body, kind: "worker" | "supervisor"): void {
  servers.set(body, kind);
  // The library's function is no name for the program's server.
  Object.defineProperty(body, "name", { value: "" });
}

export function isServer(body: Body): boolean {
  return servers.has(body);
}

/** Such a body calls this when it has started, or will not start. */
export function hasStarted(self: Self, outcome: StartOutcome): void {
  const extra = rareFieldsOf(self as ActorProcess);
  const { started } = extra;
  extra.started = undefined;
  started?.(outcome);
}

interface Terms {
  readonly link: Pid | undefined;
  readonly monitor: Pid | undefined;
  readonly ref: number;
  readonly name: string | Via | undefined;
  readonly mailbox: Partial<MailboxLimits> | undefined;
  readonly initTimeoutMs: number | undefined;
  readonly place: Place | undefined;
}

// One for all: a million spawns make a million of each.
const NO_ARGS: readonly unknown[] = [];
const NO_OPTIONS: SpawnOptions = {};

const noTerms: Terms = {
  link: undefined,
  monitor: undefined,
  ref: 0,
  name: undefined,
  mailbox: undefined,
  initTimeoutMs: undefined,
  place: undefined,
};

/**
 * Starts an actor and resolves to its pid: for a server when its `init` is done, else at once. Arguments are copied. A plain
 * function stays on this thread. An actor made by `actor()` may run on any.
 *
 * @throws ACTOR_START_FAILED (its `reason` is that of the exit, or `ignore`), NAME_REFUSED, NOT_CLONEABLE, ACTOR_NO_THREAD,
 * ACTOR_UNKNOWN, and the error of importing the actor's module there.
 */
export function spawn<Args extends readonly unknown[], P extends Pid<never>>(
  what: Actor<Args, P>,
  args: NoInfer<Args>,
  options?: SpawnOptions,
): Promise<P>;
export function spawn<P extends Pid<never>>(
  what: Actor<readonly [], P>,
  args?: readonly [],
  options?: SpawnOptions,
): Promise<P>;
export function spawn<Args extends readonly unknown[], P extends Pid<never>>(
  what: Spawnable<Args, P> & { readonly "~spawns": P },
  args: NoInfer<Args>,
  options?: SpawnOptions,
): Promise<P>;
export function spawn<P extends Pid<never>>(
  what: Spawnable<readonly [], P> & { readonly "~spawns": P },
  args?: readonly [],
  options?: SpawnOptions,
): Promise<P>;
export function spawn<M, Args extends readonly unknown[]>(
  what: (self: Self<M>, ...args: Args) => unknown,
  args: NoInfer<Args>,
  options?: SpawnOptions,
): Promise<Pid<M>>;
export function spawn<M>(what: (self: Self<M>) => unknown, args?: readonly [], options?: SpawnOptions): Promise<Pid<M>>;
export function spawn(
  what: unknown,
  args: readonly unknown[] = NO_ARGS,
  options: SpawnOptions = NO_OPTIONS,
): Promise<any> {
  try {
    checkSpawn(args, options);
    const { on = "here", link, monitor } = options;
    if (link === true || monitor === true) {
      const current = currentProcess();
      if (current?.status === "dead") return current.afterEnd();
    }
    const terms = termsOf(options);
    if (on !== "here") {
      const thread = placeFor(on);
      return thread === undefined ? spawnSomewhere(what, args, terms) : spawnOn(thread, what, args, terms);
    }
    if (typeof what === "function") return spawnHere(what as Body, undefined, args, terms);
    if (what instanceof Actor && !isUnresolved(what)) return spawnHere(what.body as Body, what.name, args, terms);
    if (what instanceof Actor) return spawnResolved(what, args, terms);
    throw notSpawnable(what);
  } catch (error) {
    return Promise.reject(error);
  }
}

function termsOf(options: SpawnOptions): Terms {
  const { link, monitor, name, mailbox, initTimeoutMs } = options;
  if (!link && !monitor && name === undefined && mailbox === undefined && initTimeoutMs === undefined) return noTerms;
  return {
    link: who(link, "link"),
    monitor: who(monitor, "monitor"),
    ref: monitor ? newRef() : 0,
    name,
    mailbox,
    initTimeoutMs,
    place: (options as PlaceOption)[treePlace],
  };
}

function who(option: boolean | Pid<never> | undefined, name: string): Pid | undefined {
  if (option !== true) return (option || undefined) as Pid | undefined;
  const current = currentProcess();
  if (current !== undefined) return current;
  throw new HeddleError("ACTOR_UNKNOWN", `spawn() with ${name}: true was called by code that belongs to no actor.`, {
    hint: `Pass the actor: { ${name}: self.pid }.`,
  });
}

function notSpawnable(what: unknown): HeddleError {
  return new HeddleError("ACTOR_INVALID", `spawn() needs a function or what actor() made, and got ${show(what)}.`);
}

/** Undefined: there is no scheduler thread yet. The root starts one. */
function placeFor(on: "any" | number): number | undefined {
  if (on === "any") return placed(runtime().place("scheduler")) ?? (thisThread === root ? thisThread : undefined);
  if (on !== thisThread && !(mayHaveActors(on) && !runtime().board.isClosed(localOf(on)))) throw noThread(on);
  return on;
}

function placed(local: number | undefined): number | undefined {
  return local === undefined ? undefined : numberOf(local);
}

async function spawnSomewhere(what: unknown, args: readonly unknown[], terms: Terms): Promise<Pid> {
  const copied = copy(args);
  const thread = await new Promise<number | undefined>((resolve) => runtime().whenPlaceable("scheduler", resolve));
  return await spawnOn(placed(thread) ?? thisThread, what, copied, terms);
}

async function spawnResolved(actor: Actor, args: readonly unknown[], terms: Terms): Promise<Pid> {
  const copied = copy(args);
  const { body } = await resolveActor(actor);
  return await spawnHere(body as Body, actor.name, copied, terms);
}

/** Not an async function: most spawns need not wait. */
function spawnHere(body: Body, label: string | undefined, args: readonly unknown[], terms: Terms): Promise<Pid> {
  const process = new ActorProcess(body, args.length === 0 ? args : copy(args));
  const kind = servers.get(body);
  if (label !== undefined || kind !== undefined) {
    const extra = rareFieldsOf(process);
    extra.label = label;
    extra.kind = kind;
  }
  // A child's place in the tree says where it comes from.
  if (terms.place === undefined) rememberSite(process, spawn);
  else rareFieldsOf(process).place = terms.place;
  if (terms.mailbox !== undefined) rareFieldsOf(process).limits = limitsWith(terms.mailbox);
  if (terms.name !== undefined) return beginNamed(process, terms, terms.name, kind !== undefined);
  return begin(process, terms, kind !== undefined);
}

function limitsWith({
  limit = defaultLimits.limit,
  overflow = defaultLimits.overflow,
}: Partial<MailboxLimits>): MailboxLimits {
  return { limit, overflow };
}

async function beginNamed(process: ActorProcess, terms: Terms, name: string | Via, isServer: boolean): Promise<Pid> {
  try {
    await (typeof name === "string" ? register(name, process) : name.claim(process));
  } catch (error) {
    process.die("normal", "dropped");
    throw error;
  }
  // Others know its name already, and one of them has ended it.
  if (process.status === "dead") throw startFailed(process, { type: "exited", reason: process.exited().reason });
  return await begin(process, terms, isServer);
}

function begin(process: ActorProcess, { link, monitor, ref, initTimeoutMs }: Terms, isServer: boolean): Promise<Pid> {
  // First: a link to an actor that has exited ends it at once.
  const ready = isServer ? startOf(process, initTimeoutMs) : undefined;
  if (monitor !== undefined) {
    watch(process, { pid: monitor, ref });
    if (monitor instanceof Process) expectDown(monitor, ref, process);
    else post(monitor.thread, ["spawnMonitored", monitor.id, ref, exportPid(process)]);
  }
  if (link !== undefined) {
    const extra = rareFieldsOf(process);
    extra.parent = link;
    (extra.links ??= new Set()).add(link);
    if (link instanceof Process) linkBack(link, process);
    else {
      tie(process, link.thread);
      if (!post(link.thread, ["spawnLinked", link.id, exportPid(process)]))
        signalExit(link, process, whyGone(link), "link");
    }
  }
  runQueue.add(process);
  return ready === undefined ? spawned(process) : ready.promise;
}

function startOf(process: ActorProcess, initTimeoutMs: number | undefined): TurnPromise<Pid> {
  const ready = new TurnPromise<Pid>();
  rareFieldsOf(process).started = withinInitTimeout(process, initTimeoutMs, (outcome) => {
    if (outcome.type === "started") ready.resolve(process);
    else ready.reject(startFailed(process, outcome));
  });
  return ready;
}

/** So many units wait for a turn only if somebody spawns in a loop, or very many are busy. */
const MANY_WAIT = 256;

/**
 * Who spawns goes on at once. Only who spawns many in a loop waits when the round's time is up: those that it has spawned begin
 * first, and timers and I/O run. Else the loop would hold up both to its end.
 */
function spawned(process: ActorProcess): Promise<Pid> {
  const { length } = runQueue;
  if (length < MANY_WAIT || length % 32 !== 0 || !runQueue.isOverBudget()) return Promise.resolve(process);
  return inNextTurn<Pid>(process);
}

type NotStarted = Exclude<StartOutcome, { type: "started" }>;

function startFailed(pid: Pid, outcome: NotStarted): ExitError {
  const reason = outcome.type === "ignored" ? "ignore" : outcome.reason;
  const message = `${pid.toString()} has not started: ${reasonText(reason)}`;
  const Class = outcome.type === "ignored" ? StartIgnored : ExitError;
  return new Class(reason, "ACTOR_START_FAILED", message);
}

/** The other end of a link that the new actor has already. */
function linkBack(parent: Process, child: Pid): void {
  if (parent.status === "dead") return signalExit(parent, child, "noproc", "link");
  (rareFieldsOf(parent).links ??= new Set()).add(child);
}

function expectDown(watcher: Process, ref: number, pid: Pid): void {
  if (watcher.status !== "dead") (rareFieldsOf(watcher).monitors ??= new Map()).set(ref, pid);
}

// On another thread

async function spawnOn(thread: number, what: unknown, args: readonly unknown[], terms: Terms): Promise<Pid> {
  if (thread === thisThread && typeof what === "function") return await spawnHere(what as Body, undefined, args, terms);
  if (!(what instanceof Actor)) {
    if (typeof what !== "function") throw notSpawnable(what);
    throw new HeddleError("ACTOR_INVALID", "a function stays on its thread, so it cannot be spawned on another one.", {
      hint: "Define it with actor(import.meta.url, name, …) at the top level of its module.",
    });
  }
  if (thread === thisThread) return await spawnResolved(what, args, terms);
  const { link, monitor, ref, name, mailbox, initTimeoutMs, place } = terms;
  const { value, markers } = pack(args);
  runtime().board.add(localOf(thread), LOAD.queued, 1);
  const answer = (await ask(thread, "spawn", {
    url: what.url,
    name: what.name,
    args: { value, markers },
    link: link && exportPid(link),
    monitor: monitor && exportPid(monitor),
    ref,
    registeredName: name === undefined || typeof name === "string" ? name : pack(name),
    mailbox,
    initTimeoutMs,
    place,
  } satisfies Order)) as Answer;
  const pid = importPid(answer.pid);
  const { failed } = answer;
  if (failed === undefined) return pid;
  if (failed === "ignored") throw startFailed(pid, { type: "ignored" });
  throw startFailed(pid, { type: "exited", reason: unpack(failed.value, failed.markers) as ExitReason });
}

interface Order {
  readonly url: string;
  readonly name: string;
  readonly args: { readonly value: unknown; readonly markers: Packed["markers"] };
  readonly link: PidData | undefined;
  readonly monitor: PidData | undefined;
  readonly ref: number;
  readonly registeredName: string | Packed | undefined;
  readonly mailbox: Partial<MailboxLimits> | undefined;
  readonly initTimeoutMs: number | undefined;
  readonly place: Place | undefined;
}

interface Answer {
  readonly pid: PidData;
  readonly failed?: "ignored" | Packed;
}

function unpackName(name: Order["registeredName"]): string | Via | undefined {
  return typeof name === "object" ? (unpack(name.value, name.markers) as Via) : name;
}

onQuestion("spawn", async (_from: number, order: Order): Promise<Answer> => {
  runtime().board.add(runtime().self, LOAD.queued, -1);
  const { body, name } = await resolveActor(order);
  const terms: Terms = {
    link: order.link && importPid(order.link),
    monitor: order.monitor && importPid(order.monitor),
    ref: order.ref,
    name: unpackName(order.registeredName),
    mailbox: order.mailbox,
    initTimeoutMs: order.initTimeoutMs,
    place: order.place,
  };
  try {
    const args = unpack(order.args.value, order.args.markers) as readonly unknown[];
    return { pid: exportPid(await spawnHere(body as Body, name, args, terms)) };
  } catch (error) {
    if (!(error instanceof ExitError) || error.code !== "ACTOR_START_FAILED") throw error;
    return { pid: [thisThread, 0], failed: error instanceof StartIgnored ? "ignored" : packReason(error.reason) };
  }
});

onMessage("spawnLinked", (_thread: number, id: number, child: PidData) => {
  const pid = importPid(child);
  const parent = localProcess(id);
  if (parent === undefined) return signalExit(importPid([thisThread, id]), pid, "noproc", "link");
  return linkFrom(pid, parent);
});

onMessage("spawnMonitored", (_thread: number, id: number, ref: number, child: PidData) => {
  const watcher = localProcess(id);
  if (watcher === undefined) return;
  const pid = importPid(child);
  expectDown(watcher, ref, pid);
  tie(watcher, pid.thread);
});
