/**
 * The listening sockets that all copies of an app share: those that it opens beside the one that heddle serves. The arbiter binds
 * each of them once and keeps it over reloads and deaths, so its backlog goes on taking connections, and gives it to the copies
 * that listen there. This is the side of one copy, on its thread. The arbiter's is `server/arbiter/accept/app-sockets.ts`; the
 * messages pass through the worker (`server/worker/app-socket-relay.ts`).
 *
 *   copy                                 arbiter
 *     want-socket                      →  binds it, unless it is held already
 *                                      ←  given (a descriptor) | waits | failed | unavailable | pretended
 *     give-up-socket                   →  the server was closed, or its copy drains
 *
 * A server that is not HTTP (gRPC, a line protocol) is shared: every copy accepts, as under node:cluster. One that is HTTP, a
 * metrics port for instance, is exclusive: an answer of any other copy would be about that copy. One copy has it, the others wait,
 * and hear `given` when it leaves.
 *
 * Until a socket is given, its server believes that it listens. `waits` has it emit `listening` all the same: an app may wait
 * for that to boot. If the app listens for the server's errors, it gets EADDRINUSE instead: it may want another port.
 */

import { constants } from "node:os";
import type { AddressInfo, Socket } from "node:net";
import { threadId } from "node:worker_threads";
import { closeFd } from "../../../platform/native.ts";
import {
  isPretending,
  pretendToListen,
  replaceEmit,
  stopAccepting,
  stopPretending,
} from "../../../platform/node-internals/listening.ts";
import { setImmediate, setInterval } from "../../../kit/native-timers.ts";
import type { RealListener } from "./real-listeners.ts";

export interface SocketWish {
  readonly address:
    | { readonly host: string | undefined; readonly port: number; readonly ipv6Only: boolean }
    | { readonly path: string };
  /** One copy at a time has it. */
  readonly isExclusive: boolean;
}

export type SocketAnswer =
  /** A descriptor of this process, for this thread alone. */
  | { readonly outcome: "given"; readonly fd: number }
  /** `waits`: another copy has it. `failed`: it can't be bound. `unavailable`: sockets can't be given here, without node:ffi. */
  | { readonly outcome: "waits" | "failed" | "unavailable" }
  /** Nothing is to be opened: `heddle check`. */
  | { readonly outcome: "pretended" };

/** `id`: unique in its process. */
export type FromCopy =
  | { readonly type: "want-socket"; readonly id: number; readonly wish: SocketWish }
  | { readonly type: "give-up-socket"; readonly id: number };
export interface ToCopy {
  readonly type: "app-socket";
  readonly id: number;
  readonly answer: SocketAnswer;
}

export interface Wanted extends RealListener {
  readonly wish: SocketWish;
  readonly backlog: number | undefined;
  /** Where it believes to listen. */
  readonly address: AddressInfo | string;
  /** Binds it by itself: `waits` says whether it waits for a port that is in use. */
  readonly alone: (waits: boolean, told: RealListener["told"]) => void;
}

interface Claim extends Wanted {
  /** It has emitted `listening`. */
  isTold: boolean;
  isGiven: boolean;
}

/** Ids of one thread. More listening sockets than that are not opened in a process's life. */
const IDS = 2 ** 20;
/** A connection that has moved no byte for this long has nothing to finish. */
const QUIET_MS = 1000;
const LOOK_MS = 100;

export class AppSockets {
  readonly #tell: (message: FromCopy) => void;
  readonly #claims = new Map<number, Claim>();
  readonly #connections = new Set<Socket>();
  /** Claims without any answer yet. */
  readonly #open = new Set<number>();
  #settled = Promise.withResolvers<void>();
  #lastId = threadId * IDS;
  #isRetired = false;

  constructor(tell: (message: FromCopy) => void) {
    this.#tell = tell;
  }

  listen(wanted: Wanted): void {
    const { server, args, told = "nothing", wish, address } = wanted;
    const claim: Claim = { ...wanted, isTold: told === "listening", isGiven: false };
    const callback = args.findLast((arg) => typeof arg === "function") as (() => void) | undefined;
    if (told === "nothing" && callback !== undefined) server.once("listening", callback);
    pretendToListen(server, address);
    if (this.#isRetired) return process.nextTick(() => this.#announce(claim));
    const id = ++this.#lastId;
    this.#claims.set(id, claim);
    server.once("close", () => this.#giveUp(id));
    this.#open.add(id);
    this.#tell({ type: "want-socket", id, wish });
  }

  /** Resolves when all that was wanted by now is answered, and a server that could not listen has emitted its error. */
  async settled(): Promise<void> {
    while (this.#open.size > 0) await this.#settled.promise;
    await new Promise((resolve) => setImmediate(resolve));
  }

  answered({ id, answer }: ToCopy): void {
    const claim = this.#claims.get(id);
    this.#answered(id);
    if (claim === undefined || !isPretending(claim.server)) {
      if (answer.outcome === "given") closeFd(answer.fd);
      return;
    }
    const { server, alone } = claim;
    switch (answer.outcome) {
      case "given":
        this.#listenOn(claim, answer.fd);
        break;
      case "waits":
        if (claim.isTold || server.listenerCount("error") === 0) return this.#announce(claim);
        this.#giveUp(id);
        stopPretending(server);
        server.emit("error", inUse(claim.address));
        break;
      case "pretended":
        this.#announce(claim);
        break;
      case "failed":
      case "unavailable":
        this.#claims.delete(id);
        stopPretending(server);
        alone(answer.outcome === "unavailable", claim.isTold ? "listening" : "callback");
        break;
    }
  }

  /** Its copy drains: from now on other copies accept. The connections that it has stay. */
  retire(): void {
    this.#isRetired = true;
    for (const [id, { server, address, isGiven }] of this.#claims) {
      if (isGiven) stopAccepting(server, address);
      this.#giveUp(id);
    }
  }

  /** Resolves when the connections of these servers have ended, or none of them has moved a byte for a while. */
  async quiet(): Promise<void> {
    if (this.#connections.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    let bytes = -1;
    let sinceMs = 0;
    const timer = setInterval(() => {
      const now = [...this.#connections].reduce((sum, each) => sum + each.bytesRead + each.bytesWritten, 0);
      if (now !== bytes) sinceMs = performance.now();
      bytes = now;
      if (this.#connections.size === 0 || performance.now() - sinceMs > QUIET_MS) resolve();
    }, LOOK_MS);
    await promise;
    clearInterval(timer);
  }

  #listenOn(claim: Claim, fd: number): void {
    const { server, listen, backlog, isTold } = claim;
    claim.isGiven = true;
    claim.isTold = true;
    stopPretending(server);
    server.on("connection", (socket: Socket) => {
      this.#connections.add(socket);
      socket.once("close", () => this.#connections.delete(socket));
    });
    const restore = replaceEmit(server, (emit) => (name, ...rest) => {
      if (name !== "listening" && name !== "error") return emit(name, ...rest);
      restore();
      return isTold && name === "listening" ? true : emit(name, ...rest);
    });
    listen([backlog === undefined ? { fd } : { fd, backlog }]);
  }

  #answered(id: number): void {
    this.#open.delete(id);
    if (this.#open.size > 0) return;
    this.#settled.resolve();
    this.#settled = Promise.withResolvers();
  }

  #announce(claim: Claim): void {
    if (claim.isTold) return;
    claim.isTold = true;
    claim.server.emit("listening");
  }

  #giveUp(id: number): void {
    this.#answered(id);
    if (this.#claims.delete(id)) this.#tell({ type: "give-up-socket", id });
  }
}

/** As Node's own. */
function inUse(address: AddressInfo | string): Error {
  const where = typeof address === "string" ? { address } : { address: address.address, port: address.port };
  const shown = typeof address === "string" ? address : `${address.address}:${address.port}`;
  return Object.assign(new Error(`listen EADDRINUSE: address already in use ${shown}`), {
    code: "EADDRINUSE",
    errno: -constants.errno.EADDRINUSE,
    syscall: "listen",
    ...where,
  });
}

let current: AppSockets | undefined;

/** Of this thread's app. */
export function openAppSockets(tell: (message: FromCopy) => void): AppSockets {
  current = new AppSockets(tell);
  return current;
}

/** Resolves when this thread's app has nothing to finish on its other servers. */
export async function othersAreQuiet(): Promise<void> {
  await current?.quiet();
}
