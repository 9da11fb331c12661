/**
 * How a thread that the runtime has not started becomes a member of it: a thread of the server. Its owner sets a door at its
 * start, which costs nothing. The first `runtime()` on the thread goes through it.
 *
 *   this thread ── a port, through its owner ──▶ the owner's thread ─▶ root: ThreadSupervisor.adopt
 *        └─ waits ◀── over that port: its number, the board, the links to all others ──┘
 *
 * `runtime()` is synchronous, and a member needs its number and its link to the root at once. So the thread waits. The root runs no
 * code of the program and answers soon, but not instantly the first time, when it is loaded (tens of milliseconds).
 *
 * Rejected: a number from shared memory, and the rest by messages later. The board would have to exist in every worker, whether
 * anybody uses the runtime or not, and a thread would know none of the others in its first turns.
 */

import { MessageChannel, type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { fromWire, HeddleError, type WireError } from "../errors/errors.ts";
import { perThread } from "../kit/per-thread.ts";
import type { Birth, Introduction, Member } from "./threads/thread-protocol.ts";

type Told = Birth["heddleRuntime"];

/** What the root sends over the port. `answered` is 1 then. */
export type Admission =
  | { readonly told: Omit<Told, "peers"> & { readonly peers: readonly Introduction[] } }
  | { readonly refused: WireError };

export interface Knock {
  /** Becomes the link to the root. */
  readonly port: MessagePort;
  readonly answered: Int32Array<SharedArrayBuffer>;
}

/** Takes it to the root. `knock.port` must be transferred. */
type Door = (knock: Knock) => void;

/** The root needs a moment when it is loaded, on a busy machine much longer. */
const PATIENCE_MS = 20_000;

const own: { door: Door | undefined } = perThread("runtime door", () => ({ door: undefined }));

export function setDoor(door: Door): void {
  own.door = door;
}

/** Undefined: there is no door. @throws HeddleError THREAD_NOT_JOINED */
export function enter(): Told | undefined {
  const { door } = own;
  if (door === undefined) return undefined;
  const { port1, port2 } = new MessageChannel();
  const answered = new Int32Array(new SharedArrayBuffer(4));
  door({ port: port2, answered });
  Atomics.wait(answered, 0, 0, PATIENCE_MS);
  const admission = receiveMessageOnPort(port1)?.message as Admission | undefined;
  if (admission !== undefined && "told" in admission) {
    const { peers, ...told } = admission.told;
    return { ...told, peers: [{ ...ROOT_MEMBER, port: port1 }, ...peers] };
  }
  port1.close();
  const why = admission === undefined ? `it got no answer for ${PATIENCE_MS} ms` : fromWire(admission.refused).message;
  throw new HeddleError("THREAD_NOT_JOINED", `this thread could not join the threads of its worker: ${why}`, {
    ...(admission !== undefined && { cause: fromWire(admission.refused) }),
  });
}

const ROOT_MEMBER: Member = { id: 0, role: "root" };
