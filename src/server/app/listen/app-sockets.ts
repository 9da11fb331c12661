/**
 * The sockets that all copies of an app share: those that it opens beside the one that heddle serves. The arbiter binds each of
 * them once and keeps it over reloads and deaths, so what comes meanwhile waits in the kernel, and gives it to the copies that
 * open it. This is the side of one copy, on its thread. The arbiter's is `server/arbiter/accept/app-sockets.ts`; the messages
 * pass through the worker (`server/worker/app-socket-relay.ts`).
 *
 *   copy                                 arbiter
 *     want-socket                      →  binds it, unless it is held already
 *                                      ←  given (a descriptor) | next | waits | failed | unavailable | pretended
 *     give-up-socket                   →  it was closed, or its copy drains
 *
 * `shared-server.ts` and `shared-datagrams.ts` are what asks here. `next` and `waits` may be followed by `given`, and `given` by another one if
 * the file of a Unix socket was removed; every other answer is the last one.
 */

import { threadId } from "node:worker_threads";
import { closeFd, loadNative } from "../../../platform/native.ts";
import { setImmediate } from "../../../kit/native-timers.ts";

export interface Endpoint {
  readonly host: string | undefined;
  readonly port: number;
  readonly ipv6Only: boolean;
}

export type SocketAddress =
  | (Endpoint & { readonly kind: "tcp" | "udp4" | "udp6" })
  | { readonly kind: "unix"; readonly path: string };

export interface SocketWish {
  readonly address: SocketAddress;
  /** One copy at a time has it. */
  readonly isExclusive: boolean;
}

export type SocketAnswer =
  /** A descriptor of this process, for this thread alone. */
  | { readonly outcome: "given"; readonly fd: number }
  /**
   * `next`: the copy that this one replaces has it. `waits`: another copy has it. `failed`: it can't be bound. `unavailable`: sockets
   * can't be given here, without node:ffi.
   */
  | { readonly outcome: "next" | "waits" | "failed" | "unavailable" }
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

/** Who wants one. */
export interface Claimant {
  /** False: it has no use for the answer, and for a socket. */
  answered(answer: SocketAnswer): boolean;
  /** Its copy drains: other copies have the socket from now on. */
  retire(): void;
  /** Resolves when it has nothing to finish. */
  quiet(): Promise<void>;
}

/** Ids of one thread. More sockets than that are not opened in a process's life. */
const IDS = 2 ** 20;

export class AppSockets {
  readonly #tell: (message: FromCopy) => void;
  readonly #claims = new Map<number, Claimant>();
  /** Those that had a socket when their copy began to drain. */
  readonly #retired = new Set<Claimant>();
  /** Claims without any answer yet. */
  readonly #open = new Map<number, PromiseWithResolvers<void>>();
  /** A descriptor that comes may have to be closed. */
  #loadsNative = false;
  #lastId = threadId * IDS;
  #isRetired = false;

  constructor(tell: (message: FromCopy) => void) {
    this.#tell = tell;
  }

  /** Returns what gives it up. */
  claim(wish: SocketWish, claimant: Claimant): () => void {
    if (this.#isRetired) {
      // The copies that come have it.
      process.nextTick(() => claimant.answered({ outcome: "pretended" }));
      return () => {};
    }
    if (!this.#loadsNative) void loadNative();
    this.#loadsNative = true;
    const id = ++this.#lastId;
    this.#claims.set(id, claimant);
    this.#open.set(id, Promise.withResolvers());
    this.#tell({ type: "want-socket", id, wish });
    return () => this.#giveUp(id);
  }

  answered({ id, answer }: ToCopy): void {
    const claimant = this.#claims.get(id);
    this.#answered(id);
    const isUsed = claimant?.answered(answer) ?? false;
    if (isUsed) return;
    if (answer.outcome === "given") closeFd(answer.fd);
    this.#giveUp(id);
  }

  /** Resolves when all that was wanted by now is answered, and what could not be opened has emitted its error. */
  async settled(): Promise<void> {
    await Promise.all([...this.#open.values()].map(({ promise }) => promise));
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Its copy drains: from now on other copies accept. The connections that it has stay. */
  retire(): void {
    this.#isRetired = true;
    for (const [id, claimant] of this.#claims) {
      claimant.retire();
      this.#retired.add(claimant);
      this.#giveUp(id);
    }
  }

  async quiet(): Promise<void> {
    await Promise.all([...this.#retired].map((claimant) => claimant.quiet()));
  }

  #answered(id: number): void {
    this.#open.get(id)?.resolve();
    this.#open.delete(id);
  }

  #giveUp(id: number): void {
    this.#answered(id);
    if (this.#claims.delete(id)) this.#tell({ type: "give-up-socket", id });
  }
}

let current: AppSockets | undefined;

/** Of this thread's app. */
export function openAppSockets(tell: (message: FromCopy) => void): AppSockets {
  current = new AppSockets(tell);
  return current;
}

/** Resolves when this thread's app has nothing to finish on its other sockets. */
export async function othersAreQuiet(): Promise<void> {
  await current?.quiet();
}
