/**
 * Sending to a room: to all sockets whose actors are in a group of `heddle/actors`, on all threads. Light: the actors are loaded with
 * the first socket of the thread, or with the first message of one that has none.
 */

import type { Pid } from "../../actors/process/pid.ts";
import { mustBeData, show } from "./arguments.ts";
import { socketInvalid } from "./socket-invalid.ts";
import type { SocketData } from "./wire/frames.ts";

export interface PublishOptions {
  /** The socket of this actor does not get it. */
  readonly except?: Pid<never>;
  /** What happens to a client with more than `sendBytes` unread: it misses the message, or is closed with 1013. Default: `drop`. */
  readonly whenSlow?: "drop" | "close";
}

type Send = (group: string, data: SocketData, options: PublishOptions) => void;

let send: Send | undefined;

/** The thread's rooms are there. */
export function publishBy(own: Send): void {
  send = own;
}

/**
 * Sends a text or bytes to every open socket whose actor has joined the group, in this process and wherever else the group reaches:
 * `groups.join("lobby", self.pid)`. The actors themselves get nothing. The message is copied once for each thread, and framed once
 * there.
 *
 * Works on every thread of the app. What one thread publishes arrives in this order.
 *
 * @throws SOCKET_INVALID
 */
export function publish(group: string, data: SocketData, options: PublishOptions = {}): void {
  if (typeof group !== "string") throw socketInvalid("publish()", "the name of a group", show(group));
  mustBeData(data, "publish()");
  const { whenSlow = "drop" } = options;
  if (whenSlow !== "drop" && whenSlow !== "close") {
    throw socketInvalid("publish()", '"drop" or "close" for whenSlow', show(whenSlow));
  }
  if (send !== undefined) return send(group, data, options);
  // What it is must not change until it is sent.
  const own = typeof data === "string" ? data : structuredClone(data);
  void import("./running/rooms.ts").then(() => send!(group, own, options));
}
