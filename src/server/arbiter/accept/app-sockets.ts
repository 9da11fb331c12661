/**
 * The sockets that the app opens beside the one that heddle serves, held here for all of its copies: bound by the first one that
 * wants it, kept over deaths and reloads, closed when the generation that serves has no use for it. The copies' side is
 * `server/app/listen/app-sockets.ts`.
 *
 *   nobody ── a copy wants it ──▶ held ── no copy has or wants it, and all workers serve ──▶ closed
 *
 * Invariants
 * - A shared socket is given to each copy that wants it. An exclusive one is given to one copy; the next one gets it when that
 *   copy has given it up or is gone. Copies of the newest generation come first.
 * - Who replaces the copy that has an exclusive one is told that it is the next: it boots before that one leaves.
 * - While a worker is missing, its sockets stay: its successor will want them, and their backlogs take connections meanwhile.
 * - If a socket can't be bound, the copy tries by itself, and gets the system's own error.
 * - The file of a Unix socket may be removed by any copy: many apps do that before they listen, or when they end. Then it is bound anew,
 *   and given again to the copies that had it. What removes it may tell nobody, so it is looked for every second, too.
 */

import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import net from "node:net";
import type { Log } from "../../../log/log.ts";
import { closeFd, duplicateFd, hasNative } from "../../../platform/native.ts";
import { datagramHandle, stopReceiving } from "../../../platform/node-internals/datagrams.ts";
import { handleOf, type SentHandle, unread } from "../../../platform/node-internals/handles.ts";
import { bindUnixSocket, type UnixSocket } from "../../../platform/unix-socket.ts";
import type { Endpoint, SocketAddress, SocketWish } from "../../app/listen/app-sockets.ts";
import type { Fleet } from "../workers/fleet.ts";
import type { WorkerHandle } from "../workers/worker-handle.ts";
import { bindPatiently } from "./listeners.ts";

const LOOK_FOR_FILES_MS = 1000;

interface Copy {
  readonly worker: WorkerHandle;
  readonly id: number;
  isGiven: boolean;
}

interface Held {
  readonly wish: SocketWish;
  readonly where: string;
  copies: Copy[];
  /** Undefined while it is bound. */
  bound: Bound | undefined;
}

interface Bound {
  /** What is sent. */
  readonly handle: SentHandle;
  readonly close: () => void;
  /** Of a Unix socket. */
  readonly file?: Pick<UnixSocket, "isThere" | "mode">;
}

export class AppSockets {
  readonly #held = new Map<string, Held>();
  readonly #fleet: Fleet;
  readonly #log: Log;
  /** How many workers are wanted. */
  readonly #wanted: () => number;
  /** The log has a line about them. */
  readonly #told = new Set<string>();
  /** While there are files of Unix sockets. */
  #looks: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(fleet: Fleet, log: Log, wanted: () => number) {
    this.#fleet = fleet;
    this.#log = log;
    this.#wanted = wanted;
    fleet.on("want-socket", (worker, id, wish) => void this.#want(worker, id, wish));
    fleet.on("give-up-socket", (worker, id) => this.#giveUp((copy) => copy.worker === worker && copy.id === id));
    fleet.on("gone", (worker) => this.#giveUp((copy) => copy.worker === worker));
    fleet.on("serving", () => {
      this.#renewLost();
      this.#look();
    });
  }

  close(): void {
    this.#isOver = true;
    clearInterval(this.#looks);
    for (const { bound } of this.#held.values()) bound?.close();
    this.#held.clear();
  }

  async #want(worker: WorkerHandle, id: number, wish: SocketWish): Promise<void> {
    // The server stops. Other copies still have what it wants, and it is about to end.
    if (this.#isOver) return worker.answerSocket(id, "pretended");
    if (!hasNative()) return worker.answerSocket(id, "unavailable");
    const key = keyOf(wish);
    const copy = { worker, id, isGiven: false };
    const before = this.#held.get(key);
    if (before !== undefined) {
      before.copies.push(copy);
      return isLost(before) ? await this.#renew(key, before) : this.#give(before);
    }
    const where = whereOf(wish);
    const held: Held = { wish, where, copies: [copy], bound: undefined };
    this.#held.set(key, held);
    try {
      held.bound = await this.#bind(wish);
      if (this.#isOver) return held.bound.close();
      if (held.bound.file !== undefined)
        this.#looks ??= setInterval(() => this.#renewLost(), LOOK_FOR_FILES_MS).unref();
      this.#give(held);
      this.#look();
    } catch {
      // Each tries by itself, and reports why it can't.
      this.#held.delete(key);
      for (const each of held.copies) each.worker.answerSocket(each.id, "failed");
    }
  }

  #renewLost(): void {
    for (const [key, held] of this.#held) if (held.copies.length > 0 && isLost(held)) void this.#renew(key, held);
  }

  /** Its file was removed. */
  async #renew(key: string, held: Held): Promise<void> {
    const old = held.bound!;
    held.bound = undefined;
    try {
      held.bound = await bind(held.wish, old.file?.mode());
    } catch {
      // Another program has taken the path. Those that have the old socket go on with that.
      this.#held.delete(key);
      for (const { worker, id, isGiven } of held.copies) if (!isGiven) worker.answerSocket(id, "failed");
    }
    old.close();
    const { bound } = held;
    if (bound === undefined) return;
    if (this.#isOver) return bound.close();
    for (const { worker, id, isGiven } of held.copies) if (isGiven) worker.answerSocket(id, "given", bound.handle);
    this.#give(held);
    this.#look();
  }

  /** What is kept for the missing workers is not in the way of what their successors want instead: the same port of another host. */
  async #bind(wish: SocketWish): Promise<Bound> {
    try {
      return await bind(wish);
    } catch (error) {
      const unused = [...this.#held].filter(
        ([, { wish: other, copies, bound }]) =>
          bound !== undefined && copies.length === 0 && isSamePort(other.address, wish.address),
      );
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE" || unused.length === 0) throw error;
      for (const [key, { bound }] of unused) {
        this.#held.delete(key);
        bound?.close();
      }
      return await bind(wish);
    }
  }

  /** To whom it may be given. */
  #give(held: Held): void {
    const { bound, wish, copies } = held;
    if (bound === undefined) return;
    const waiting = copies.filter(({ isGiven }) => !isGiven).sort(byAge);
    const isTaken = waiting.length < copies.length;
    const lucky = wish.isExclusive ? waiting.slice(0, isTaken ? 0 : 1) : waiting;
    for (const copy of lucky) {
      copy.isGiven = true;
      copy.worker.answerSocket(copy.id, "given", bound.handle);
    }
    const others = waiting.filter(({ isGiven }) => !isGiven);
    const holder = copies.find(({ isGiven }) => isGiven);
    const beside = others.filter((copy) => !replaces(copy, holder));
    for (const copy of others) copy.worker.answerSocket(copy.id, beside.includes(copy) ? "waits" : "next");
    if (this.#told.has(held.where)) return;
    if (!wish.isExclusive || beside.length > 0) this.#told.add(held.where);
    if (!wish.isExclusive) this.#log.info({}, `the app also listens on ${held.where}: ${SHARED}`);
    else if (beside.length > 0) this.#log.warn({}, `the app also listens on ${held.where}: ${EXCLUSIVE}`);
  }

  #giveUp(isMeant: (copy: Copy) => boolean): void {
    for (const held of this.#held.values()) {
      const left = held.copies.filter((copy) => !isMeant(copy));
      if (left.length === held.copies.length) continue;
      held.copies = left;
      this.#give(held);
    }
    this.#renewLost();
    this.#look();
  }

  /** Closes what nobody uses. */
  #look(): void {
    if (this.#fleet.serving.length < this.#wanted()) return;
    for (const [key, held] of this.#held) {
      if (held.copies.length > 0 || held.bound === undefined) continue;
      this.#held.delete(key);
      held.bound.close();
    }
  }
}

const SHARED = "it is not HTTP/1, so all copies of the app accept there, and it stays open over reloads";
const EXCLUSIVE =
  "each thread of each worker runs a copy of the app, and one of them has it. Another one gets it when that one ends. " +
  "To avoid this, listen only in the first copy (`isFirst` of heddle, or HEDDLE_WORKER_INDEX and HEDDLE_THREAD_INDEX), or on port 0.";

/** Nobody can connect to it any more. */
function isLost({ bound }: Held): boolean {
  return bound?.file?.isThere() === false;
}

function byAge({ worker: a }: Copy, { worker: b }: Copy): number {
  return b.generation - a.generation || a.slot - b.slot;
}

/** Whether its worker is the successor of the other's: both are at one place, and it came later. */
function replaces({ worker }: Copy, other: Copy | undefined): boolean {
  return other !== undefined && other.worker !== worker && other.worker.slot === worker.slot;
}

function keyOf({ address }: SocketWish): string {
  return JSON.stringify(address);
}

function isSamePort(a: SocketAddress, b: SocketAddress): boolean {
  if (a.kind === "unix" || b.kind === "unix") return false;
  return a.port === b.port && (a.kind === "tcp") === (b.kind === "tcp");
}

function whereOf({ address }: SocketWish): string {
  if (address.kind === "unix") return `the socket ${address.path}`;
  const port = `${address.kind === "tcp" ? "" : "UDP "}port ${address.port}`;
  return address.host === undefined ? port : `${port} of ${address.host}`;
}

/** `mode`: of a Unix socket's file. @throws the system's error */
function bind({ address }: SocketWish, mode?: number): Promise<Bound> {
  return bindPatiently(() => {
    if (address.kind === "unix") return bindUnix(address.path, mode);
    return address.kind === "tcp" ? bindTcp(address) : bindUdp(address.kind, address);
  });
}

async function bindUnix(path: string, mode: number | undefined): Promise<Bound> {
  const socket = await bindUnixSocket(path, mode);
  const close = (): void => {
    socket.remove();
    closeFd(socket.fd);
  };
  return { ...sendable(socket.fd, close), file: socket };
}

async function bindTcp(endpoint: Endpoint): Promise<Bound> {
  const bound = await boundSocket(endpoint);
  return sendable(bound.fd(), () => bound.close());
}

/** Without a host: all addresses, IPv4's alone if there is no IPv6. */
async function boundSocket({ host, port, ipv6Only }: Endpoint): Promise<net.BoundSocket> {
  if (host !== undefined) {
    const { address } = net.isIP(host) === 0 ? await lookup(host) : { address: host };
    return new net.BoundSocket({ host: address, port, ipv6Only });
  }
  try {
    return new net.BoundSocket({ host: "::", port, ipv6Only });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") throw error;
    return new net.BoundSocket({ host: "0.0.0.0", port });
  }
}

/** A copy of the descriptor is what is sent. */
function sendable(fd: number, close: () => void): Bound {
  const socket = unread({ fd: duplicateFd(fd) });
  const closeBoth = (): void => {
    socket.destroy();
    close();
  };
  return { handle: handleOf(socket)!, close: closeBoth };
}

async function bindUdp(type: "udp4" | "udp6", { host, port }: Endpoint): Promise<Bound> {
  const socket = createSocket(type);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once("error", reject);
  socket.bind({ port, ...(host !== undefined && { address: host }), exclusive: true }, () => {
    // The copies receive.
    stopReceiving(socket);
    resolve();
  });
  await promise;
  socket.on("error", () => {});
  return { handle: datagramHandle(socket)!, close: () => void socket.close() };
}
