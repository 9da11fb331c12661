/** The border between a serving thread and what runs its WebSockets. Both sides may be different copies of this package. */

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { SocketActor } from "./socket-actor.ts";

/** What the serving thread does for them. */
export interface SocketHost {
  /** A client that takes nothing of what was written for so long is cut off; 0: never. */
  readonly writeTimeoutMs: number;
  /** How long `accept` of a kind may take; 0: for ever. */
  readonly handshakeTimeoutMs: number;
  /** A new id, for a request without one. */
  nextId(this: void): string;
  opened(this: void): void;
  /** A client, or its worker, reads too slowly: so many messages were not sent to it, or it is closed. */
  slow(this: void, what: "dropped" | "closed", times: number): void;
  /** Its connection is closed. */
  closed(this: void, socket: Socket, record: SocketRecord): void;
  /** A handshake was refused: the host answers it, and closes the connection. */
  refused(this: void, socket: Socket, record: SocketRecord, refusal: Refusal): void;
  /** The app's code failed. */
  failed(this: void, fields: object, error: unknown, message: string): void;
  /** How much of what was written the kernel has taken. */
  takenBytes(this: void, socket: Socket): number;
  /** Whether the connection of a socket that is not read has broken. */
  isBroken(this: void, socket: Socket): boolean;
  /** For how long the client's kernel has acknowledged nothing of what was sent. 0: it has acknowledged all. undefined: not known. */
  unacknowledgedMs(this: void, socket: Socket): number | undefined;
}

export interface Refusal {
  readonly status: number;
  /** Their names are in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A request that asks for a WebSocket. */
export interface Handshake {
  readonly req: IncomingMessage;
  readonly socket: Socket;
  /** Bytes of the client behind the request. */
  readonly head: Buffer;
  /** Its name. */
  readonly route: string;
  /** HTTP lets go of the connection. */
  readonly leaveHttp: () => void;
}

/** A socket that has ended, or a handshake that was refused, for the access log. */
export interface SocketRecord {
  readonly id: string;
  readonly url: string;
  readonly route: string;
  /** Of the handshake's answer. */
  readonly status: number;
  /** undefined: it was refused. */
  readonly socket: SocketTotals | undefined;
}

export interface SocketTotals {
  /** With which it was closed. */
  readonly code: number;
  readonly openMs: number;
  /** Messages. */
  readonly received: number;
  readonly sent: number;
  readonly dropped: number;
}

/** Why the thread drains: `stop` is told to clients as "going away", `restart` as "service restart". */
export type Drained = "stop" | "restart";

export interface RunningSockets {
  accept(kind: SocketActor, handshake: Handshake): void;
  /** Called every few milliseconds. */
  sweep(nowMs: number): void;
  /** Resolves in a drain: all connections are closed, and no actor has anything to finish. Older copies have none. */
  readonly ended?: Promise<void>;
  drain(why: Drained): void;
  /** Those that are left are closed. */
  lastCall(): void;
  destroyAll(): void;
}

export type StartSockets = (host: SocketHost) => Promise<RunningSockets>;
