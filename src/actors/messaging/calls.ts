/**
 * Calls: a request to a server and its one reply.
 * A reply goes to the waiting call, never through the mailbox. So a call takes the same time however many unread messages the
 * caller has, and a late reply is dropped and can't be taken for another one.
 *
 * Invariants
 * - A call ends exactly once: with its reply, its timeout, the server's exit, or the caller's.
 * - While it lasts, the server's actor has it in `callers` (on the server's thread, even if the caller is elsewhere). So its
 *   exit fails the call, and no monitor is needed. It forgets the call when the caller withdraws it, or ends with its thread.
 * - Any actor on any thread may send the reply. If it is not on the server's thread, the caller removes the call there.
 * - This library's own requests to servers and supervisors go the same way, in their own envelope (`ControlMessage`). The kind
 *   of envelope is chosen here and sent beside the request, so no request can be taken for another kind.
 */

import { setImmediate } from "../../kit/native-timers.ts";
import { copy } from "../../runtime/copy/copy.ts";
import { badDuration, isDuration } from "../../kit/durations.ts";
import { runtime } from "../../runtime/runtime.ts";
import { pack, unpack } from "../../runtime/copy/message-packing.ts";
import { registerReferences } from "../../runtime/copy/references.ts";
import { isTimeUp, runQueue, type Turn } from "../../runtime/run-queue.ts";
import { waitingUnit } from "../../runtime/running-unit.ts";
import { clearDeadline, startDeadline, type Deadline } from "./deadlines.ts";
import { ExitError, reasonText, ServerExited, type ExitReason } from "../process/exit-reason.ts";
import { postReason } from "../process/exit-signals.ts";
import { rareFieldsOf, type OpenCall, type OwnCall } from "../process/rare-fields.ts";
import type { Pid, PidData } from "../process/pid.ts";
import { currentProcess, Process, type Overflowed } from "../process/process.ts";
import { exportPid, importPid, localProcess } from "../process/process-table.ts";
import { threadReason } from "../exits/thread-reason.ts";
import { type Message, onMessage, onThreadGone, post, refuseIfFull, thisThread } from "./remote.ts";
import { Signal } from "./signal.ts";

export const DEFAULT_CALL_TIMEOUT_MS = 5000;

/** Whom a reply goes to. It is part of a call's message, and may be sent on to the actor that will reply. */
export class From {
  /** The thread of the caller. */
  readonly thread: number;
  readonly server: Pid;
  /** The call's number on that thread. 0 while no other thread knows it. */
  call: number;

  constructor(thread: number, server: Pid, call: number) {
    this.thread = thread;
    this.server = server;
    this.call = call;
  }
}

/** What a server receives for a call. An actor that is not a `genServer` answers it with `reply(message.from, …)`. */
export class CallMessage {
  readonly type = "call";
  readonly from: From;
  readonly request: unknown;
  constructor(from: From, request: unknown) {
    this.from = from;
    this.request = request;
  }
}

/** This library's own requests to a server (gen-server.ts) or supervisor (supervisor/requests.ts). */
export interface Control {
  readonly op: string;
}

/** What they receive for such a request. */
export class ControlMessage extends Signal {
  readonly from: From;
  readonly request: Control;
  constructor(from: From, request: Control) {
    super();
    this.from = from;
    this.request = request;
  }
}

type Envelope = "call" | "control";

function enveloped(envelope: Envelope, from: From, request: unknown): CallMessage | ControlMessage {
  return envelope === "call" ? new CallMessage(from, request) : new ControlMessage(from, request as Control);
}

/** What a server receives for a cast. */
export class CastMessage {
  readonly type = "cast";
  readonly message: unknown;
  constructor(message: unknown) {
    this.message = message;
  }
}

let captured: (value: unknown) => void = () => {};
const capture = (resolve: (value: unknown) => void): void => {
  captured = resolve;
};

/** Calls whose server, or whose replier, may be on another thread. */
const numbered: Map<number, PendingCall> = new Map();
let lastCall = 0;

class PendingCall extends From implements Turn, Deadline, OpenCall, OwnCall {
  readonly promise: Promise<unknown>;
  dueTick: number = 0;
  previousDue: Deadline | undefined = undefined;
  nextDue: Deadline | undefined = undefined;
  #resolve: (value: unknown) => void;
  /** The unit that waits for it, if any: it gets the turn when the reply is there. */
  readonly #waiter: Turn | undefined;
  readonly #caller: Process | undefined;
  #outcome: unknown;
  #ended: boolean = false;
  #retained: boolean = false;

  constructor(server: Pid, caller: Process | undefined) {
    super(thisThread, server, 0);
    this.promise = new Promise(capture);
    this.#resolve = captured;
    this.#waiter = waitingUnit();
    this.#caller = caller;
    if (caller !== undefined) (rareFieldsOf(caller).calls ??= new Set()).add(this);
  }

  /** Its number, for other threads. */
  number(): number {
    if (this.call === 0 && !this.#ended) numbered.set((this.call = ++lastCall), this);
    return this.call;
  }

  wait(timeoutMs: number): Promise<unknown> {
    if (!this.#ended) {
      if (timeoutMs !== Infinity) startDeadline(timeoutMs, this);
      if (!(this.server instanceof Process)) {
        this.#retained = true;
        runtime().retain();
      }
      if (this.#waiter !== undefined) runQueue.mayPark(this.#waiter);
    }
    return this.promise;
  }

  /** Takes ownership of the value, which is a copy. */
  reply(value: unknown, fromThread: number): void {
    if (this.#ended) return;
    if (fromThread !== this.server.thread) this.#withdraw();
    this.#end(value);
  }

  fail(reason: ExitReason): void {
    if (!this.#ended) this.#end(Promise.reject(callFailed(this.server, reason)));
  }

  serverExited(reason: ExitReason): void {
    if (this.#ended) return;
    this.#end(Promise.reject(new ServerExited(reason, "ACTOR_CALL_FAILED", noReply(this.server, reason))));
  }

  overflowed(): void {
    if (!this.#ended) this.#end(Promise.reject(mailboxFull(this.server)));
  }

  expire(): void {
    this.#withdraw();
    const name = this.server.toString();
    const message =
      (this.#waiter as unknown) === this.server
        ? `${name} has not replied in time to a call of its own: it can't while it waits for that call.`
        : `${name} has not replied in time.`;
    this.#end(Promise.reject(new ExitError("timeout", "ACTOR_CALL_TIMEOUT", message)));
  }

  abandon(silently: boolean): void {
    if (this.#ended) return;
    this.#withdraw();
    if (!silently) return this.#end(Promise.reject(this.#caller!.exited()));
    this.#resolve = () => {};
    this.#end(undefined);
  }

  /** Nobody waits for it. */
  unsent(): void {
    this.#ended = true;
    numbered.delete(this.call);
    this.#caller?.extra?.calls?.delete(this);
  }

  /** The server's thread need not remember it any longer. */
  #withdraw(): void {
    if (!(this.server instanceof Process)) post(this.server.thread, ["uncall", this.server.id, this.call]);
  }

  #end(outcome: unknown): void {
    this.#ended = true;
    clearDeadline(this);
    if (this.call !== 0) numbered.delete(this.call);
    if (this.#retained) runtime().release();
    if (this.server instanceof Process) this.server.extra?.callers?.delete(this);
    this.#caller?.extra?.calls?.delete(this);
    if (this.#waiter === undefined && runQueue.current === undefined) return this.#resolve(outcome);
    // Marked as handled: whoever awaits the call gets the error a turn later.
    if (outcome instanceof Promise) outcome.catch(() => {});
    this.#outcome = outcome;
    runQueue.add(this);
  }

  /** Whoever waits has no turn of its own: a task, or plain code. */
  get isShared(): boolean {
    return this.#waiter === undefined;
  }

  run(): void {
    if (this.#waiter === undefined) runQueue.share();
    else runQueue.current = this.#waiter;
    this.#resolve(this.#outcome);
  }
}

/** Calls of other threads that have no reply yet, by thread and number: one that is withdrawn is found at once, however many there are. */
const remoteCalls: Map<number, Map<number, RemoteCall>> = new Map();

/** A call of another thread, on the server's thread. */
class RemoteCall extends From implements OpenCall {
  /** Until `close`. */
  open(): void {
    (rareFieldsOf(this.server as Process).callers ??= new Set()).add(this);
    const ofThread = remoteCalls.get(this.thread);
    if (ofThread === undefined) remoteCalls.set(this.thread, new Map([[this.call, this]]));
    else ofThread.set(this.call, this);
  }

  close(): void {
    (this.server as Process).extra?.callers?.delete(this);
    const ofThread = remoteCalls.get(this.thread);
    if (ofThread?.get(this.call) === this) ofThread.delete(this.call);
  }

  fail(reason: ExitReason): void {
    this.#tell("failedCall", reason);
  }

  serverExited(reason: ExitReason): void {
    this.close();
    this.#tell("exitedCall", reason);
  }

  #tell(kind: "failedCall" | "exitedCall", reason: ExitReason): void {
    postReason(this.thread, reason, (value, markers) => [kind, this.call, value, markers]);
  }

  overflowed(): void {
    post(this.thread, ["fullCall", this.call]);
  }
}

registerReferences<From>({
  tag: "from",
  isPortable: true,
  prototypes: [From.prototype, PendingCall.prototype, RemoteCall.prototype],
  encode: (from) => [from.thread, exportPid(from.server), from instanceof PendingCall ? from.number() : from.call],
  decode: (data) => {
    const [thread, server, call] = data as readonly [number, PidData, number];
    return (thread === thisThread ? numbered.get(call) : undefined) ?? new From(thread, importPid(server), call);
  },
});

/** `caller`: the calling actor, if known. Then its exit ends the call. */
export function startCall(
  caller: Process | undefined,
  server: Pid,
  request: unknown,
  timeoutMs: number = DEFAULT_CALL_TIMEOUT_MS,
  envelope: Envelope = "call",
): Promise<unknown> {
  if (!isDuration(timeoutMs)) return Promise.reject(badDuration("ACTOR_INVALID", "the timeout of a call", timeoutMs));
  if (caller === server) return failAtOnce(callingSelf(server));
  if (!(server instanceof Process)) return callRemote(caller, server, request, timeoutMs, envelope);
  if (server.status === "dead") return failAtOnce(callFailed(server, "noproc"));
  if (envelope === "call" && answersNone(server)) return failAtOnce(callingSelf(server));
  // Before anything else: a request that can't be cloned must leave nothing behind.
  const copied = copy(request);
  const pending = new PendingCall(server, caller);
  (rareFieldsOf(server).callers ??= new Set()).add(pending);
  arrive(server, envelope, pending, copied);
  return pending.wait(timeoutMs);
}

/** What this library asks itself, such as `stop`, is not refused by a full mailbox. */
function arrive(server: Process, envelope: Envelope, from: From, request: unknown): void {
  const message = enveloped(envelope, from, request);
  if (envelope === "control") server.deliverSignal(message);
  else settleOverflow(server.deliver(message), from);
}

/** Like `startCall`, for code that is not an actor, in the library's own envelope. */
export function startControl(server: Pid, request: Control, timeoutMs: number): Promise<unknown> {
  return startCall(undefined, server, request, timeoutMs, "control");
}

function callRemote(
  caller: Process | undefined,
  server: Pid,
  request: unknown,
  timeoutMs: number,
  envelope: Envelope,
): Promise<unknown> {
  if (envelope === "call") refuseIfFull(server.thread);
  const { value, markers } = pack(request);
  const pending = new PendingCall(server, caller);
  if (!postCall(server.thread, [envelope, server.id, pending.number(), value, markers], pending)) {
    // A pid of this thread that is no actor any more, and not the object that it was.
    pending.fail(server.thread === thisThread ? "noproc" : "noconnection");
  }
  return pending.wait(timeoutMs);
}

/** A request that cannot be sent to another worker leaves nothing behind. */
function postCall(thread: number, message: Message, pending: PendingCall): boolean {
  try {
    return post(thread, message);
  } catch (error) {
    pending.unsent();
    throw error;
  }
}

/** Calls that found the mailbox full, or were dropped from it, fail at once. `own`: the one that is being delivered. */
export function settleOverflow(overflowed: Overflowed | undefined, own: From | undefined): void {
  if (overflowed === undefined) return;
  const from = overflowed === "refused" ? own : callIn(overflowed.dropped);
  if (!(from instanceof PendingCall) && !(from instanceof RemoteCall)) return;
  forget(from);
  from.overflowed();
}

/** The server's actor has it no more. */
function forget(from: PendingCall | RemoteCall): void {
  if (from instanceof RemoteCall) from.close();
  else if (from.server instanceof Process) from.server.extra?.callers?.delete(from);
}

/**
 * The call that is lost with a message. A `From` that was sent as a message is not a call: another actor may still reply to
 * it.
 */
function callIn(message: unknown): From | undefined {
  return message instanceof CallMessage || message instanceof ControlMessage ? message.from : undefined;
}

/** Ends a call that an actor of this thread has received, and will not answer. */
export function failCall(from: From, reason: ExitReason): void {
  if (!(from instanceof PendingCall) && !(from instanceof RemoteCall)) return;
  forget(from);
  from.fail(reason);
}

/** Replies to a call, from any actor on any thread. A second or late reply is dropped. */
export function sendReply(from: From, value: unknown): void {
  if (from instanceof PendingCall) return from.reply(copy(value), thisThread);
  if (from.thread === thisThread) return;
  const packed = pack(value);
  post(from.thread, ["reply", from.call, packed.value, packed.markers]);
  if (from instanceof RemoteCall) from.close();
}

for (const envelope of ["call", "control"] as const) {
  onMessage(envelope, (thread: number, id: number, call: number, value: unknown, markers: never) => {
    const server = localProcess(id);
    if (server === undefined) {
      post(thread, ["failedCall", call, "noproc", undefined]);
      return;
    }
    const from = new RemoteCall(thread, server, call);
    from.open();
    arrive(server, envelope, from, unpack(value, markers));
  });
}

onMessage("uncall", (thread: number, _id: number, call: number) => remoteCalls.get(thread)?.get(call)?.close());

onMessage("reply", (thread: number, call: number, value: unknown, markers: never) => {
  numbered.get(call)?.reply(unpack(value, markers), thread);
});
onMessage("failedCall", (_thread: number, call: number, value: unknown, markers: never) => {
  numbered.get(call)?.fail(unpack(value, markers) as ExitReason);
});
onMessage("exitedCall", (_thread: number, call: number, value: unknown, markers: never) => {
  numbered.get(call)?.serverExited(unpack(value, markers) as ExitReason);
});
onMessage("fullCall", (_thread: number, call: number) => numbered.get(call)?.overflowed());

onThreadGone((thread, why) => {
  for (const pending of numbered.values()) if (pending.server.thread === thread) pending.fail(threadReason(why));
  for (const call of remoteCalls.get(thread)?.values() ?? []) call.close();
  remoteCalls.delete(thread);
});

/**
 * Whether it is the server's own function that calls, and not a timer or other code that it has started: then nobody receives the call.
 * After an await of something else the two cannot be distinguished, and the call times out.
 */
function answersNone(server: Process): boolean {
  return runQueue.hasBegun(server) && server.parked === undefined && currentProcess() === server;
}

export function callingSelf(server: Pid): ExitError {
  const message = `${server.toString()} has called itself: it can't reply while it waits for the reply. Send it a message, or ask it from a timer.`;
  return new ExitError("calling_self", "ACTOR_CALL_FAILED", message);
}

/** There is no such server, or none that can reply. A loop that calls until there is lets others run meanwhile: one of them may be about to start it. */
export function failAtOnce(error: ExitError): Promise<never> {
  if (!isTimeUp()) return Promise.reject(error);
  return new Promise((_resolve, reject) => setImmediate(reject, error));
}

export function callFailed(server: Pid | string, reason: ExitReason): ExitError {
  return new ExitError(reason, "ACTOR_CALL_FAILED", noReply(server, reason));
}

function noReply(server: Pid | string, reason: ExitReason): string {
  return `${String(server)} has not replied: ${reasonText(reason)}`;
}

export function mailboxFull(to: Pid): ExitError {
  return new ExitError("mailbox_full", "ACTOR_MAILBOX_FULL", `the mailbox of ${to.toString()} is full.`);
}
