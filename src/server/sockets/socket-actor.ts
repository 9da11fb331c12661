/**
 * WebSockets as actors: what an app writes. The server finds it as the export `websocket`, or in a route, and loads what runs it.
 *
 *   socketActor(body, options) ─▶ SocketActor ─▶ running-sockets.ts, on each serving thread
 *
 * Kept light: importing `heddle` must not load the actors. What runs a definition is loaded from the same copy of this package that
 * made it, so the app's `heddle/actors` and the sockets share one set of actors, even if the server is another copy.
 */

import { isSocketKind } from "../../config/routes/socket-kind.ts";
import type { Self } from "../../actors/process/self.ts";
import type { SocketData } from "./wire/frames.ts";
import { resolveOptions, type ResolvedOptions, type SocketOptions } from "./socket-options.ts";
import type { SocketRequest } from "./socket-request.ts";
import type { StartSockets } from "./socket-host.ts";
import { socketInvalid } from "./socket-invalid.ts";
import { inspect } from "node:util";

/**
 * The end of a socket, as its actor receives it. `code`: that of the client's close frame; 1005 if it had none; 1006 if the
 * connection ended without one. If the server has begun to close: its own code.
 */
export interface SocketClose {
  readonly type: "close";
  readonly code: number;
  readonly reason: string;
}

/** The server drains (`onDrain: "tell"`). The socket is closed when its actor returns, and at the last call at the latest. */
export interface SocketDrain {
  readonly type: "drain";
  readonly reason: string;
}

/** What a socket's actor receives from its client: text, bytes, and once the end. */
export type SocketMessage = string | Uint8Array<ArrayBuffer> | SocketClose;

/** `sent`: it is on its way. `dropped`: the client reads too slowly (`whenSlow`). `closed`: the socket is closed, or closes. */
export type SendOutcome = "sent" | "dropped" | "closed";

/** A client's connection, as its actor sees it. */
export interface ActorSocket {
  /**
   * Sends a text or bytes. Never rejects. If more than `sendBytes` wait to be sent, `whenSlow` decides. With `wait` the promise
   * resolves when they are sent, so a loop that awaits it is as fast as its client.
   *
   * A close message may be passed, and sends nothing: a loop that echoes needs no condition.
   *
   * @throws SOCKET_INVALID anything else
   */
  send(data: SocketData | SocketClose): Promise<SendOutcome>;
  /**
   * Begins to close. What was sent before still arrives. The actor receives the end when the client has answered.
   *
   * @throws SOCKET_INVALID for a code that may not be sent: it is 1000 to 1003, 1007 to 1014, or 3000 to 4999
   */
  close(code?: number, reason?: string): void;
  /** Cuts the connection, without a close frame. */
  terminate(): void;
  /** Whether `send` still sends. */
  readonly isOpen: boolean;
  /** The subprotocol that was agreed on; "" without one. */
  readonly protocol: string;
  /** Bytes that wait to be sent. */
  readonly bufferedBytes: number;
}

/** Runs for one socket, from its handshake to its end. When it returns, the socket is closed with 1000; when it throws, with 1011. */
export type SocketBody<M = never> = (
  self: Self<SocketMessage | M>,
  socket: ActorSocket,
  request: SocketRequest,
) => unknown;

/** A kind of WebSocket, for the export `websocket` and for `routes`. */
export class SocketActor {
  /** Internal: the same in every copy of this package. A change that is not compatible needs another name. */
  readonly "~socketActor" = true;
  /** Internal. */
  readonly body: SocketBody;
  /** Internal. */
  readonly options: ResolvedOptions;

  constructor(body: SocketBody, options: ResolvedOptions) {
    this.body = body;
    this.options = options;
  }

  /** Internal: loads what runs it on a serving thread. The same function for all kinds of one copy. */
  get load(): () => Promise<StartSockets> {
    return loadSockets;
  }
}

async function loadSockets(): Promise<StartSockets> {
  const { startSockets } = await import("./running/running-sockets.ts");
  return startSockets;
}

export function isSocketActor(value: unknown): value is SocketActor {
  return isSocketKind(value);
}

/**
 * Defines what happens with a WebSocket: an actor for each, on the thread of its connection. What the client sends arrives in its
 * mailbox. `M`: the other messages that it receives.
 *
 * @throws SOCKET_INVALID
 */
export function socketActor<M = never>(body: SocketBody<M>, options: SocketOptions = {}): SocketActor {
  if (typeof body !== "function") {
    throw socketInvalid("socketActor()", "a function (self, socket, request)", inspect(body, { depth: 0 }));
  }
  return new SocketActor(body as unknown as SocketBody, resolveOptions(options, body.name));
}
