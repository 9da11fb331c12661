/**
 * How many connections a process may still accept before it lacks descriptors. Who accepts stops at 0, and lets connections wait in
 * the kernel's backlog. Without that, libuv would close all of them: at EMFILE it accepts what waits with a descriptor that it keeps
 * for this, and closes it. There is no event for it, and no way to turn it off, so it has to be prevented.
 *
 * A part of the limit stays free (`reserveOf`): for the app's files and outgoing connections, log files, the control socket, handlers'
 * threads, a reload. The app may open any number at any time. So the room is measured at each heartbeat, and after half of what was
 * measured has been accepted. Between two measurements an accepted connection costs one subtraction.
 *
 * The limit is read anew each time, because it may be changed from outside (`prlimit`). Node raises the soft limit to the hard one
 * when it starts.
 *
 * Rejected: comparing the accepted descriptor's number with the limit. The kernel gives out the lowest free number, so a low number
 * does not say that others are free.
 */

import { openDescriptors } from "../../../platform/descriptors.ts";
import { descriptorLimit } from "../../../platform/native.ts";

/** Two threads can be started with it. */
const MIN_RESERVE = 16;
const MAX_RESERVE = 128;
const RESERVE_PART = 16;

/** What a process with this limit keeps free. */
export function reserveOf(limit: number): number {
  return Math.min(MAX_RESERVE, Math.max(MIN_RESERVE, Math.floor(limit / RESERVE_PART)));
}

export interface DescriptorUse {
  readonly limit: number;
  readonly open: number;
}

/**
 * 0 or less: none. A process without connections takes one although the reserve is not free. Otherwise a limit that is too low for
 * the app would keep it from serving at all. `sockets`: descriptors that it needs to listen again, if it does not at the moment.
 */
export function roomFor({ limit, open }: DescriptorUse, connections: number, sockets: number): number {
  const room = limit - open - reserveOf(limit) - sockets;
  return room < 1 && connections === 0 && limit - open > sockets ? 1 : room;
}

/** undefined: it can't be told (no node:ffi, or no /proc). */
export function descriptorUse(isFresh: boolean = true): DescriptorUse | undefined {
  const limit = descriptorLimit();
  const open = limit === undefined ? undefined : openDescriptors(isFresh);
  if (limit === undefined || open === undefined) return undefined;
  return { limit, open: open === Infinity ? limit : open };
}

export interface RoomOptions {
  /** The process's connections. */
  readonly connections: () => number;
  /** How many threads of the process accept. */
  readonly sharers: () => number;
  /** Descriptors of listening sockets that it would have to open before. */
  readonly sockets: () => number;
  readonly use?: (isFresh: boolean) => DescriptorUse | undefined;
}

export class DescriptorRoom {
  readonly #options: RoomOptions;
  readonly #use: (isFresh: boolean) => DescriptorUse | undefined;
  /** Connections until it is measured again. */
  #left = 0;

  constructor(options: RoomOptions) {
    this.#options = options;
    this.#use = options.use ?? descriptorUse;
  }

  /** A connection was accepted. Whether there is room for another one. */
  take(): boolean {
    return --this.#left > 0 || this.look() > 0;
  }

  /** How many more may be accepted. Infinity: not known. */
  look(isFresh: boolean = true): number {
    const { connections, sockets, sharers } = this.#options;
    const use = this.#use(isFresh);
    const room = use === undefined ? Infinity : roomFor(use, connections(), sockets());
    this.#left = Math.ceil(room / (2 * sharers()));
    return room;
  }
}
