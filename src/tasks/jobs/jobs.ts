/**
 * Tasks that this thread has placed on others, from the call of `go` to the answer.
 *
 *   waits ──▶ open            as long as there is no thread of its kind: the root starts one
 *   open ──▶ started ──▶ over        the other thread has won the job's claim, and says so
 *    ├──▶ open elsewhere             this thread has won it: an idle thread gets the job (work-sharing.ts), or the first one
 *    died └──▶ over                       cancelled before it started
 * A job is kept with its arguments until it has started, so that it can be given to another thread. A thread must take the
 * job's claim (claims.ts) before it starts the job, so it starts once, whatever messages are in transit.
 */

import type { Transferable } from "node:worker_threads";
import { HeddleError } from "../../errors/errors.ts";
import { LOAD, ROOT, type Role } from "../../runtime/runtime.ts";
import { pack, type Packed, unpack } from "../../runtime/copy/message-packing.ts";
import { clearInterval, setInterval } from "../../kit/native-timers.ts";
import { chooseJobs } from "./work-sharing.ts";
import { closeClaim, introduceClaims, openClaim } from "../select/claim-table.ts";
import type { Claim } from "../select/claims.ts";
import { Completion, Handle } from "./handle.ts";
import { accept, cancelHere, jobPrefix, unrefHere } from "./runner.ts";
import { rememberSite, siteOf } from "../../runtime/watch/start-sites.ts";
import { connected, handle, onThreadGone, OP, tell } from "../task-service.ts";
import type { Task } from "./task.ts";
import { transferOf } from "./transfer.ts";
import { packThrown, unpackThrown, type WireThrown } from "../wire-thrown.ts";

/** A job is given up after it has died with this many threads: its own module may be what kills them. */
const MAX_PLACES = 3;

/** How often to check whether jobs wait behind a busy thread while another is idle. */
const LOOK_MS = 10;

/** The thread of a job that waits for one. */
const NOWHERE = -1;

interface Job {
  readonly id: number;
  readonly task: { readonly url: string; readonly name: string };
  readonly role: Role;
  readonly handle: JobHandle<unknown>;
  /** Undefined after it has started. */
  args: Packed | undefined;
  claim: Claim | undefined;
  thread: number;
  places: number;
  isUnref: boolean;
}

const jobs = new Map<number, Job>();
/** Jobs that have not started, by thread, in the order they were placed. */
const open = new Map<number, Set<Job>>();
let lastId = 0;
let looking: NodeJS.Timeout | undefined;

export function placeJob<R>(task: Task, args: readonly unknown[], role: Role, caller: Caller): Handle<R> {
  const moving = transferOf(args);
  const packed = pack(args, moving);
  const id = ++lastId;
  const handle = new JobHandle<R>(id, task.name);
  rememberSite(handle.completion, caller);
  const { url, name } = task;
  const job: Job = {
    id,
    task: { url, name },
    role,
    handle,
    args: packed,
    claim: undefined,
    thread: NOWHERE,
    places: 0,
    isUnref: false,
  };
  jobs.set(id, job);
  if (jobs.size === 1) begin();
  place(job, moving);
  return handle;
}

/** On a thread that is not the root, there may be none of this kind yet. */
function place(job: Job, moving: readonly Transferable[] = []): void {
  const { role } = job;
  const found = connected().place(role);
  if (found !== undefined) return send(job, found, moving);
  const { self } = connected();
  if (self === ROOT) return send(job, self, moving);
  job.thread = NOWHERE;
  connected().whenPlaceable(role, (thread) => jobs.has(job.id) && send(job, thread ?? self, moving));
}

/** The function of this library that the program has called. */
type Caller = (...args: never[]) => unknown;

class JobHandle<R> extends Handle<R> {
  readonly name: string;
  readonly completion: Completion = new Completion();
  readonly #job: number;

  constructor(job: number, name: string) {
    super();
    this.#job = job;
    this.name = name;
  }

  get id(): string {
    return `${jobPrefix(connected().self)}${this.#job}`;
  }

  unref(): this {
    const job = jobs.get(this.#job);
    if (job !== undefined) letGo(job);
    return this;
  }

  protected stop(error: HeddleError): boolean {
    return stop(this.#job, error);
  }
}

function begin(): void {
  connected().retain();
}

function end(job: Job): void {
  if (!jobs.delete(job.id) || jobs.size > 0) return;
  connected().release();
}

function send(job: Job, thread: number, moving: readonly Transferable[] = []): void {
  const { board, self } = connected();
  job.thread = thread;
  // Transferred objects can't be sent again to another thread.
  job.claim = moving.length > 0 ? undefined : openClaim();
  job.places++;
  board.add(thread, LOAD.queued, 1);
  const others = open.get(thread) ?? new Set<Job>();
  open.set(thread, others.add(job));
  board.add(self, LOAD.offered, 1);
  const { value, markers } = job.args!;
  const { url, name } = job.task;
  const message = [OP.run, job.id, url, name, value, markers, job.claim?.address, job.isUnref] as const;
  if (thread === self) {
    accept(self, message.slice(1), job.claim);
  } else {
    introduceClaims(thread);
    if (!tell(thread, message, moving)) throw new HeddleError("INTERNAL", `thread ${thread} was chosen, and is gone.`);
  }
  look();
}

function forget(job: Job): void {
  if (open.get(job.thread)?.delete(job) === true) connected().board.add(connected().self, LOAD.offered, -1);
}

/** The job has started, or will not. */
function settleOpen(job: Job): void {
  forget(job);
  if (job.claim !== undefined) closeClaim(job.claim);
  job.claim = job.args = undefined;
}

/** Takes it back from its thread. False: it has started. */
function recall(job: Job): boolean {
  if (job.thread === NOWHERE) return true;
  if (job.args === undefined || job.claim?.take() !== "taken") return false;
  connected().board.add(job.thread, LOAD.queued, -1);
  forget(job);
  closeClaim(job.claim);
  return true;
}

/** `Handle.cancel`. */
function stop(id: number, error: HeddleError): boolean {
  const job = jobs.get(id);
  if (job === undefined) return false;
  if (recall(job)) {
    // No thread will unpack the arguments, so do it here: their references go back home.
    unpack(job.args!.value, job.args!.markers);
    end(job);
    return false;
  }
  if (job.thread === connected().self) cancelHere(connected().self, id, error);
  else tell(job.thread, [OP.cancel, id, error.cause === undefined ? undefined : packThrown(error.cause)]);
  return true;
}

/** `Handle.unref`. */
function letGo(job: Job): void {
  job.isUnref = true;
  if (job.thread === NOWHERE) return;
  if (job.thread === connected().self) unrefHere(job.thread, job.id);
  else tell(job.thread, [OP.unref, job.id]);
}

/** Where the jobs were started that are on other threads. */
export function jobSites(): (readonly [id: string, site: string])[] {
  return [...jobs.values()].flatMap(({ handle }) => {
    const site = siteOf(handle.completion);
    return site === undefined ? [] : [[handle.id, site] as const];
  });
}

/** Gives jobs that wait elsewhere to an idle thread. */
function give(idle: number): void {
  const role = connected().roleOf(idle);
  if (
    role === undefined ||
    !connected()
      .candidates(role as Role)
      .includes(idle)
  )
    return;
  const waiting = [...open]
    .filter(([thread, some]) => thread !== idle && some.size > 0)
    .map(([, some]) => [...some].filter((job) => job.role === role));
  for (const job of chooseJobs(waiting)) {
    if (!recall(job)) continue;
    job.places--;
    send(job, idle);
  }
}

function look(): void {
  if (looking !== undefined) return;
  looking = setInterval(() => {
    const busy = [...open].filter(([, some]) => some.size > 0);
    if (busy.length === 0) {
      clearInterval(looking);
      looking = undefined;
      return;
    }
    const runtime = connected();
    const roles = new Set(busy.flatMap(([, some]) => [...some].slice(0, 1).map(({ role }) => role)));
    for (const role of roles) {
      for (const thread of runtime.candidates(role)) if (runtime.board.load(thread) === 0) give(thread);
    }
  }, LOOK_MS).unref();
}

handle(OP.hungry, (from) => give(from));

handle(OP.started, (_from, [id]) => {
  const job = jobs.get(id as number);
  if (job?.args !== undefined) settleOpen(job);
});

handle(OP.succeeded, (_from, [id, value, markers]) => {
  finish(id, ({ completion }) => completion.succeeded(unpack(value, markers as never)));
});

handle(OP.failed, (_from, [id, error]) => {
  finish(id, ({ completion, name }) => completion.failed(unpackThrown(error as WireThrown), name));
});

function finish(id: unknown, tellHandle: (handle: JobHandle<unknown>) => void): void {
  const job = jobs.get(id as number);
  if (job === undefined) return;
  if (job.args !== undefined) settleOpen(job);
  end(job);
  tellHandle(job.handle);
}

onThreadGone((thread, why) => {
  const orphans = [...jobs.values()].filter((job) => job.thread === thread);
  for (const job of orphans) {
    forget(job);
    const isOpen = job.args !== undefined && job.claim?.take() === "taken";
    if (isOpen && job.places < MAX_PLACES) {
      closeClaim(job.claim!);
      place(job);
      continue;
    }
    if (job.args !== undefined) settleOpen(job);
    end(job);
    const message = `the task "${job.task.name}" was lost with its thread: ${why.message}`;
    job.handle.completion.failed(new HeddleError("THREAD_DIED", message, { cause: why }), job.task.name);
  }
});
