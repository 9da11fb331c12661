/** The actor of a socket: as any other, but its connection learns of what it reads, of its crash and of its end. */

import { ActorProcess } from "../../../actors/process/actor-process.ts";
import type { ExitReason } from "../../../actors/process/exit-reason.ts";
import { registerPids, type Pid } from "../../../actors/process/pid.ts";
import type { Rest } from "../../../actors/process/process.ts";
import { nothing } from "../../../actors/messaging/mailbox.ts";
import type { Missed } from "./rooms.ts";
import type { SocketData } from "../wire/frames.ts";
import { exportPid, importPid } from "../../../actors/process/process-table.ts";

/** What its connection is told. */
export interface ServedSocket {
  readonly label: string;
  readonly supervisor: Pid;
  /** It is not read, because its actor has too much to read. */
  readonly isHeldUp: boolean;
  run(): unknown;
  /** The actor looks for its next message. */
  hasRead(): void;
  /** It has found none. */
  waits(): void;
  actorCrashed(error: unknown): void;
  actorExited(reason: ExitReason): void;
  publish(data: SocketData, frame: Buffer, whenSlow: "drop" | "close"): unknown;
  missed(what: Missed): void;
}

const NO_ARGS: readonly unknown[] = [];

export class SocketProcess extends ActorProcess {
  readonly #socket: ServedSocket;

  constructor(socket: ServedSocket) {
    super(begin, NO_ARGS);
    this.#socket = socket;
  }

  override get label(): string {
    return this.#socket.label;
  }

  override get parent(): Pid {
    return this.#socket.supervisor;
  }

  /** By its connection. */
  override get isKept(): boolean {
    return true;
  }

  /** Messages that it has not received. */
  get unread(): number {
    const direct = this.parked === undefined ? this.next : this.parked.message;
    return (this.mailbox?.length ?? 0) + (direct === nothing ? 0 : 1);
  }

  /** It waits for a message, and has none. */
  get isIdle(): boolean {
    return this.status === "parked" && this.unread === 0;
  }

  static {
    const { receive } = ActorProcess.prototype;
    // Not a method of the class: its type has overloads that a method could not repeat.
    Object.defineProperty(SocketProcess.prototype, "receive", {
      value(this: SocketProcess, match?: never, options?: never) {
        if (!this.#socket.isHeldUp) return receive.call(this, match as never, options as never);
        this.#socket.hasRead();
        const message = receive.call(this, match as never, options as never);
        if (this.status === "parked" && this.#socket.isHeldUp) this.#socket.waits();
        return message;
      },
    });
  }

  begin(): unknown {
    return this.#socket.run();
  }

  /** A message of a room. */
  publish(data: SocketData, frame: Buffer, whenSlow: "drop" | "close"): void {
    this.#socket.publish(data, frame, whenSlow);
  }

  /** Messages of a room that have not come to this thread. */
  missed(what: Missed): void {
    this.#socket.missed(what);
  }

  override crashed(error: unknown): void {
    this.#socket.actorCrashed(error);
  }

  override die(reason: ExitReason, rest: Rest): void {
    if (this.status === "dead") return;
    super.die(reason, rest);
    this.#socket.actorExited(reason);
  }
}

function begin(process: SocketProcess): unknown {
  return process.begin();
}

registerPids([SocketProcess.prototype], exportPid, importPid);
