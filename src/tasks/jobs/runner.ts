/**
 * A thread that runs tasks for others, from the message to the answer. On a scheduler thread all of them are in the run queue
 * at once. On a blocking thread one at a time runs, to its end.
 */

import type { Transferable } from "node:worker_threads";
import { HeddleError } from "../../errors/errors.ts";
import { LOAD } from "../../runtime/runtime.ts";
import { pack, unpack } from "../../runtime/copy/message-packing.ts";
import { setImmediate } from "../../kit/native-timers.ts";
import { canceled } from "../context/canceled.ts";
import type { Claim, ClaimAddress } from "../select/claims.ts";
import { claimAt } from "../select/claim-table.ts";
import { Fifo } from "../../kit/fifo.ts";
import { connected, handle, onStop, onThreadGone, OP, tell, tellSelf, type Message } from "../task-service.ts";
import { findTask, resolveTask } from "./task.ts";
import { transferOf } from "./transfer.ts";
import { packThrown, unpackThrown, type WireThrown } from "../wire-thrown.ts";
import { allUnits, Unit, unref } from "./unit.ts";

/** By the thread that sent them, and its number for them. */
export const running: Map<string, Unit> = new Map();
const queue = new Fifo<Unit>();
let isBusy = false;

/** `rest` is a message OP.run without its number. */
export function accept(from: number, rest: readonly unknown[], ownClaim?: Claim): void {
  const [id, url, name, value, markers, address, isUnref] = rest as readonly [
    number,
    string,
    string,
    unknown,
    never,
    ClaimAddress | undefined,
    boolean,
  ];
  const claim = ownClaim ?? (address === undefined ? undefined : claimAt(address));
  const unit = new Job(
    name,
    () => call(url, name, value, markers),
    { from, id },
    claim,
    () => unpack(value, markers),
  );
  running.set(key(from, id), unit);
  if (isUnref) unref(unit);
  if (connected().role === "blocking") {
    queue.push(unit);
    runNext();
  } else {
    unit.place(true);
  }
}

/** Unpack only at the start: a job that is taken back must leave nothing here, such as a stand-in for a channel. */
function call(url: string, name: string, value: unknown, markers: never): unknown {
  const args = unpack(value, markers) as readonly unknown[];
  const known = findTask(url, name);
  if (known !== undefined) return (known.fn as AnyFunction)(...args);
  return resolveTask(url, name).then(({ fn }) => (fn as AnyFunction)(...args));
}

type AnyFunction = (...args: readonly unknown[]) => unknown;

/** The prefix of the handle ids of a thread's tasks. */
export function jobPrefix(thread: number): string {
  return `${thread}.t`;
}

/** A unit whose outcome is a message. */
class Job extends Unit {
  readonly #from: number;
  readonly #id: number;
  /** Set if another thread may take the task back: it must be won before the task starts. */
  readonly #claim: Claim | undefined;
  readonly #discard: () => void;

  /** `discard`: its arguments are not needed any more. */
  constructor(
    name: string,
    begin: () => unknown,
    { from, id }: { readonly from: number; readonly id: number },
    claim: Claim | undefined,
    discard: () => void,
  ) {
    super(name, begin);
    this.#from = from;
    this.#id = id;
    this.#claim = claim;
    this.#discard = discard;
  }

  get id(): string {
    return `${jobPrefix(this.#from)}${this.#id}`;
  }

  protected override mayStart(): boolean {
    return this.#claim?.take() !== "lost";
  }

  protected override dropped(): void {
    const own = key(this.#from, this.#id);
    // It may have been taken back, and placed here again.
    if (running.get(own) === this) running.delete(own);
    if (this.#claim !== undefined) return;
    // Its sender can't take it back, so it does not know that nothing of the task will run.
    this.#discard();
    this.#tell([OP.failed, this.#id, packThrown(canceled(`the task "${this.name}" was cancelled`, undefined))]);
  }

  protected override started(): void {
    this.#tell([OP.started, this.#id]);
  }

  override succeeded(value: unknown): void {
    try {
      const moving = transferOf([value]);
      const packed = pack(value, moving);
      this.#tell([OP.succeeded, this.#id, packed.value, packed.markers], moving);
    } catch (error) {
      this.#tell([OP.failed, this.#id, packThrown(error)]);
    }
    this.#over();
  }

  override failed(error: unknown): void {
    this.#tell([OP.failed, this.#id, packThrown(error)]);
    this.#over();
  }

  #tell(message: Message, moving: readonly Transferable[] = []): void {
    if (this.#from === connected().self) tellSelf(message);
    else tell(this.#from, message, moving);
  }

  #over(): void {
    running.delete(key(this.#from, this.#id));
    const { board, self, role } = connected();
    if (role === "blocking") {
      isBusy = false;
      setImmediate(runNext);
    }
    if (board.read(self, LOAD.queued) > 0) return;
    for (const thread of connected().threads()) {
      if (thread !== self && board.read(thread, LOAD.offered) > 0) tell(thread, [OP.hungry]);
    }
  }
}

/** On a blocking thread: runs the next job that was not taken back. */
function runNext(): void {
  while (!isBusy && queue.length > 0) {
    const unit = queue.shift();
    isBusy = true;
    unit.run();
    if (unit.state === "done" && !isStillBusy()) continue;
    if (unit.state === "done") isBusy = false;
  }
}

function isStillBusy(): boolean {
  return isBusy;
}

export function cancelHere(from: number, id: number, error: HeddleError): void {
  running.get(key(from, id))?.cancel(error);
}

export function unrefHere(from: number, id: number): void {
  const unit = running.get(key(from, id));
  if (unit !== undefined) unref(unit);
}

function key(from: number, id: number): string {
  return `${from}/${id}`;
}

handle(OP.run, (from, rest) => accept(from, rest));
handle(OP.unref, (from, [id]) => unrefHere(from, id as number));

handle(OP.cancel, (from, [id, reason]) => {
  const cause = reason === undefined ? undefined : unpackThrown(reason as WireThrown);
  const unit = running.get(key(from, id as number));
  unit?.cancel(canceled(`the task "${unit.name}" was cancelled`, cause));
});

onStop(() => {
  const why = new HeddleError("THREAD_DIED", "the server ends");
  for (const unit of allUnits()) unit.cancel(canceled(`the task "${unit.name}" was cancelled`, why));
});

onThreadGone((thread, why) => {
  for (const [name, unit] of running) {
    if (!name.startsWith(`${thread}/`)) continue;
    // Nobody waits for it any more. If it has not started, it is dropped.
    unit.cancel(canceled(`the task "${unit.name}" was cancelled`, why));
  }
});
