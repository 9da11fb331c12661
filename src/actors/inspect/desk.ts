/**
 * A server's side of `getState`, `replaceState`, `suspend`, `resume` and `trace` (sys.ts). Made at the first such request, so a
 * server that nobody looks into pays one check for each message.
 *
 * Invariants
 * - A request is handled between two callbacks: nobody sees the server in the middle of something.
 * - A request that fails (a state that cannot be copied, a change that throws) fails for whoever asked, and not for the server.
 * - A suspended server handles only such requests, `stop`, and the exit of its parent. Its other messages wait, in order.
 */

import { HeddleError } from "../../errors/errors.ts";
import { ControlMessage, failCall, sendReply, type Control } from "../messaging/calls.ts";
import { sendTo } from "../messaging/sending.ts";
import type { ActorProcess } from "../process/actor-process.ts";
import { reasonOf } from "../process/exit-reason.ts";
import { ExitMessage } from "../process/exit-signals.ts";
import type { Pid } from "../process/pid.ts";
import { Process } from "../process/process.ts";

/** A server, as its desk sees it. */
export interface Inspected {
  readonly kind: "genServer" | "genStatem" | "supervisor";
  readState(): unknown;
  /** Undefined: it cannot be replaced. */
  writeState?(state: unknown): void;
}

export interface DeskRequest extends Control {
  readonly op: "getState" | "setState" | "changeState" | "suspend" | "resume" | "trace" | "untrace";
  readonly state?: unknown;
  /** Of the state that `state` was made from. */
  readonly version?: number;
  /** Of the function in `changes`. */
  readonly change?: number;
  readonly to?: Pid;
}

export type DeskAnswer = { readonly value: unknown } | { readonly failed: unknown };

/** The functions of `replaceState` for servers of this thread, which need not be copied. */
export const changes: Map<number, (state: any) => unknown> = new Map();

export type TracedKind = "in" | "reply" | "state" | "suspended" | "resumed";

/** To the actor that traces. */
export interface TraceNote {
  readonly what: TracedKind;
  readonly atMs: number;
  readonly value: unknown;
}

const OPS: ReadonlySet<string> = new Set([
  "getState",
  "setState",
  "changeState",
  "suspend",
  "resume",
  "trace",
  "untrace",
] satisfies DeskRequest["op"][]);

export function isForDesk({ request }: ControlMessage): boolean {
  return OPS.has(request.op);
}

export class Desk {
  readonly #self: ActorProcess;
  readonly #inspected: Inspected;
  readonly #tracers: Set<Pid> = new Set();
  #isSuspended: boolean = false;
  /** Grows with each message, so an unchanged version means an unchanged state. */
  #version: number = 0;

  constructor(self: ActorProcess, inspected: Inspected) {
    this.#self = self;
    this.#inspected = inspected;
  }

  /** The next message that the server may handle now. */
  async receive(): Promise<unknown> {
    const message = await (this.#isSuspended ? this.#receiveSuspended() : this.#self.receive());
    if (!(message instanceof ControlMessage)) this.#version += 1;
    return message;
  }

  #receiveSuspended(): Promise<unknown> {
    const parent = this.#self.extra?.parent;
    return this.#self.receive(
      (message: unknown): message is unknown =>
        message instanceof ControlMessage ||
        (message instanceof ExitMessage && message.from !== undefined && message.from === parent),
    );
  }

  note(what: TracedKind, value: unknown): void {
    for (const to of this.#tracers) {
      if (to instanceof Process && to.status === "dead") this.#tracers.delete(to);
      else tell(to, what, value);
    }
  }

  noteState(): void {
    if (this.#tracers.size > 0) this.note("state", this.#inspected.readState());
  }

  serve({ from, request }: ControlMessage): void {
    let answer: DeskAnswer;
    try {
      answer = { value: this.#obey(request as DeskRequest) };
    } catch (error) {
      answer = { failed: error };
    }
    try {
      sendReply(from, answer);
    } catch (error) {
      failCall(from, reasonOf(error));
    }
  }

  #obey(request: DeskRequest): unknown {
    switch (request.op) {
      case "getState":
        return { state: this.#inspected.readState(), version: this.#version };
      case "setState":
        return request.version === this.#version && this.#write(request.state);
      case "changeState":
        return this.#write(changes.get(request.change!)!(this.#inspected.readState()));
      case "suspend":
      case "resume":
        this.#isSuspended = request.op === "suspend";
        return this.note(this.#isSuspended ? "suspended" : "resumed", undefined);
      case "trace":
        return void this.#tracers.add(request.to!);
      default:
        return this.#tracers.delete(request.to!);
    }
  }

  #write(state: unknown): true {
    if (this.#inspected.writeState === undefined) {
      const { kind } = this.#inspected;
      const hint = "Use startChild, terminateChild and deleteChild.";
      const message = `replaceState() needs a genServer or a genStatem, and got a ${kind}.`;
      throw new HeddleError("ACTOR_INVALID", message, { hint });
    }
    this.#inspected.writeState(state);
    this.#version += 1;
    this.noteState();
    return true;
  }
}

function tell(to: Pid, what: TracedKind, value: unknown): void {
  const note = { what, atMs: Date.now() };
  try {
    sendTo(to, { ...note, value: flat(value) } satisfies TraceNote, "drop");
  } catch {
    sendTo(to, { ...note, value: `(cannot be copied) ${Object.prototype.toString.call(value)}` }, "drop");
  }
}

/** Messages of the library's classes become plain objects. */
function flat(value: unknown): unknown {
  return typeof value === "object" && value !== null && "type" in value ? { ...value } : value;
}
