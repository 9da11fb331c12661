/**
 * Sending to a room: to all sockets whose actors are in a group of `heddle/actors`, on all threads. Light: the actors are loaded with
 * the first socket of the thread, or with the first message of one that has none.
 */

import type { Pid } from "../../actors/process/pid.ts";
import { mustBeData, show } from "./arguments.ts";
import { socketInvalid } from "./socket-invalid.ts";
import { bytesOf, type SocketData } from "./wire/frames.ts";

export interface PublishOptions {
  /** The socket of this actor does not get it. */
  readonly except?: Pid<never>;
  /** What happens to a client with more than `sendBytes` unread: it misses the message, or is closed with 1013. Default: `drop`. */
  readonly whenSlow?: "drop" | "close";
}

/**
 * A message between workers has at most 64 MiB, its envelope included. The limit holds wherever the sockets are: an app that works with
 * one worker works with two.
 */
const MAX_BYTES = 63 * 2 ** 20;

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
 * Works on every thread of the app. What one thread publishes arrives in this order. It may have at most 63 MiB; in a text with others
 * than ASCII letters each counts two bytes.
 *
 * @throws SOCKET_INVALID
 */
export function publish(group: string, data: SocketData, options: PublishOptions = {}): void {
  if (typeof group !== "string") throw socketInvalid("publish()", "the name of a group", show(group));
  mustBeData(data, "publish()");
  const bytes = bytesBetweenWorkers(data);
  if (bytes > MAX_BYTES) {
    const got = `${(bytes / 2 ** 20).toFixed(1)} MiB`;
    throw socketInvalid(
      "publish()",
      `at most ${MAX_BYTES / 2 ** 20} MiB`,
      got,
      "Send it in parts, or a URL that has it.",
    );
  }
  const { whenSlow = "drop" } = options;
  if (whenSlow !== "drop" && whenSlow !== "close") {
    throw socketInvalid("publish()", '"drop" or "close" for whenSlow', show(whenSlow));
  }
  const own = typeof data === "string" ? data : ownBytes(data);
  if (send !== undefined) return send(group, own, options);
  loading ??= load();
  // The order is kept: whoever sets `send` does so before the first of these.
  void loading.then(() => send!(group, own, options));
}

let loading: Promise<void> | undefined;

async function load(): Promise<void> {
  const { learnRooms } = await import("./running/rooms.ts");
  await learnRooms();
}

/** V8 writes a text with one byte a letter, or with two. */
function bytesBetweenWorkers(data: SocketData): number {
  if (typeof data !== "string") return data.byteLength;
  const mayBeTooLong = 2 * data.length > MAX_BYTES;
  return mayBeTooLong && Buffer.byteLength(data) !== data.length ? 2 * data.length : data.length;
}

/**
 * What it is must not change until it is sent. Shared memory cannot be sent to other workers, and of the buffer around a small part
 * the other threads need no copy.
 */
function ownBytes(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  return bytesOf(data).slice();
}
