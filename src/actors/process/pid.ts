/**
 * Pids: the permanent names of actors, valid on every thread. A pid is the number of its thread and a number there that is
 * never used again.
 *
 * Invariants
 * - One thread has one object for each pid it can see, so pids compare with `===` and can be keys of maps. An actor of this
 *   thread is its own pid (`process.ts`), which saves a lookup for each message and an object for each actor.
 * - A pid of an actor that has exited holds only the two numbers.
 */

import { inspect } from "node:util";
import { HeddleError } from "../../errors/errors.ts";
import { localOf, workerOf } from "../across/thread-numbers.ts";
import { registerReferences } from "../../runtime/copy/references.ts";

/** The address of an actor. `M`: the messages it accepts. Made by `spawn`. */
export class Pid<in M = any> {
  /** For its type only: pids of actors that accept other messages are not interchangeable. */
  declare readonly "~accepts": (message: M) => void;
  /** The actor's thread. For actors of this thread it is on the prototype, because there are many of them. */
  declare readonly thread: number;
  /** Its number on that thread. */
  readonly id: number;

  constructor(id: number) {
    this.id = id;
  }

  /** `<thread.id>`, as in Erlang; in a server `<worker.thread.id>`. */
  toString(): string {
    const worker = workerOf(this.thread);
    return `<${worker === 0 ? "" : `${worker}.`}${localOf(this.thread)}.${this.id}>`;
  }

  toJSON(): string {
    return this.toString();
  }
}

Object.defineProperty(Pid.prototype, inspect.custom, {
  value(this: Pid): string {
    return `Pid${this.toString()}`;
  },
});

/** The pid of an actor of another thread, or of an actor of this thread that has exited. */
export class BarePid extends Pid {
  override readonly thread: number;

  constructor(thread: number, id: number) {
    super(id);
    this.thread = thread;
  }
}

export type PidData = readonly [thread: number, id: number];

/** By thread, then by id: pids of other threads, and of actors of this thread that have exited. */
const known: Map<number, Map<number, WeakRef<Pid>>> = new Map();

const forgotten: FinalizationRegistry<PidData> = new FinalizationRegistry(([thread, id]) => {
  const ofThread = known.get(thread);
  if (ofThread?.get(id)?.deref() === undefined) ofThread?.delete(id);
});

/** The one object for a pid that came from another thread. */
export function internPid(thread: number, id: number): Pid {
  const found = known.get(thread)?.get(id)?.deref();
  if (found !== undefined) return found;
  const pid = new BarePid(thread, id);
  rememberPid(pid);
  return pid;
}

/** From now on `internPid` returns this object. */
export function rememberPid(pid: Pid): void {
  let ofThread = known.get(pid.thread);
  if (ofThread === undefined) known.set(pid.thread, (ofThread = new Map()));
  ofThread.set(pid.id, new WeakRef(pid));
  forgotten.register(pid, [pid.thread, pid.id]);
}

/** Whether two pids name the same actor. On one thread that equals `===`. */
export function pidEquals(a: Pid, b: Pid): boolean {
  if (!isPid(a) || !isPid(b)) {
    throw new HeddleError("ACTOR_INVALID", `pidEquals() compares two pids, and got ${typeof (isPid(a) ? b : a)}.`);
  }
  return a.thread === b.thread && a.id === b.id;
}

export function isPid(value: unknown): value is Pid {
  return value instanceof Pid;
}

/** Defines how pids are sent to other threads. Called by the module that has this thread's actors. */
export function registerPids(
  prototypes: readonly object[],
  encode: (pid: Pid) => PidData,
  decode: (data: PidData) => Pid,
): void {
  registerReferences<Pid>({
    tag: "pid",
    isPortable: true,
    prototypes,
    encode,
    decode: (data) => decode(data as PidData),
  });
}
