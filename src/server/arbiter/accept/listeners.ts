/**
 * The sockets that the arbiter binds once, and keeps until it stops. So the kernel's backlog goes on taking connections across
 * every reload, crash and kill of a worker, and none is refused.
 *
 * Three ways of accepting (`--accept`):
 * - `handoff`, one worker: the worker inherits the socket and accepts; the arbiter only holds it.
 * - `handoff`, several workers: the arbiter accepts and sends each connection to the least-loaded worker
 *   (`dispatcher.ts`), because workers that share a socket split a burst 87 % to 13 %.
 * - `shared`: every worker inherits the same socket. `reuseport`: each worker slot has its own socket on the same port. All
 *   are held here, so that a worker's death does not lose the connections queued on its socket.
 */

import { lookup } from "node:dns/promises";
import { closeSync, fstatSync } from "node:fs";
import net, { type AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { formatListenAddress, type ListenAddress, type ServerConfig } from "../../../config/config.ts";
import { HeddleError } from "../../../errors/errors.ts";
import { bindUnixSocket, type UnixSocket } from "../../../platform/unix-socket.ts";
import type { InheritedListener } from "../../worker/worker-protocol.ts";
import type { ListenerAddress } from "../../worker/serving/serving-protocol.ts";

/** A held socket: bound here, or inherited from whoever started the arbiter. */
export interface HeldSocket {
  readonly kind: "tcp" | "unix" | "fd";
  readonly fd: number;
  /** Passed to `net.Server.listen` to accept on it in this process. From then on the server closes it. */
  readonly adopt: net.BoundSocket | { readonly fd: number };
  readonly url: string | undefined;
  readonly address: AddressInfo | undefined;
  /** Closes it, if nothing has adopted it. */
  close(): void;
}

export class Listeners {
  readonly #config: ServerConfig;
  readonly #sockets: HeldSocket[] = [];
  /** reuseport: the sockets of each worker slot. */
  readonly #slots: HeldSocket[][] = [];
  readonly #unixSockets: UnixSocket[] = [];

  private constructor(config: ServerConfig) {
    this.#config = config;
  }

  /** @throws HeddleError LISTEN_IN_USE, LISTEN_NOT_PERMITTED, LISTEN_FAILED */
  static async bind(config: ServerConfig): Promise<Listeners> {
    const listeners = new Listeners(config);
    try {
      for (const address of config.listen) listeners.#sockets.push(await listeners.#bindOne(address));
    } catch (error) {
      listeners.removeFiles();
      throw error;
    }
    return listeners;
  }

  get sockets(): readonly HeldSocket[] {
    return this.#sockets;
  }

  /** The sockets of all slots. */
  get all(): readonly HeldSocket[] {
    return [...new Set([...this.#sockets, ...this.#slots.flatMap((sockets) => sockets ?? [])])];
  }

  /** The sockets a worker in this slot accepts on, when it accepts itself. */
  ofSlot(slot: number): readonly HeldSocket[] {
    if (this.#config.accept !== "reuseport" || slot === 0) return this.#sockets;
    return (this.#slots[slot] ??= this.#sockets.map((socket) => this.#twin(socket)));
  }

  /** The same sockets, in the form that a worker inherits. */
  inherited(slot: number): readonly InheritedListener[] {
    return this.ofSlot(slot).map(({ kind, fd }) => ({ kind, fd }));
  }

  /** reuseport: sockets of the slots from `workers` on. They queue connections while they are held. */
  surplus(workers: number): readonly HeldSocket[] {
    const own = this.#slots.slice(workers).flatMap((sockets) => sockets ?? []);
    return own.filter((socket) => !this.#sockets.includes(socket));
  }

  /** The first TCP address. A self-listening app gets it as its own. */
  get primary(): ListenerAddress {
    const tcp = this.#sockets.find(({ address }) => address !== undefined)?.address;
    return { url: this.#sockets[0]?.url ?? "", host: tcp?.address ?? "127.0.0.1", port: tcp?.port ?? 0 };
  }

  /** Removes the Unix sockets' files, if they are still ours. Call it before the sockets are closed. */
  removeFiles(): void {
    for (const socket of this.#unixSockets.splice(0)) socket.remove();
  }

  /** Another socket on the same address. Unix sockets and inherited ones can't have one, so they are shared. */
  #twin(socket: HeldSocket): HeldSocket {
    if (socket.address === undefined) return socket;
    return this.#tcp(socket.address.address, socket.address.port);
  }

  async #bindOne(address: ListenAddress): Promise<HeldSocket> {
    try {
      return await bindPatiently(() => this.#tryBind(address));
    } catch (error) {
      throw listenError(address, error as NodeJS.ErrnoException);
    }
  }

  async #tryBind(address: ListenAddress): Promise<HeldSocket> {
    if (address.kind === "fd") return inheritedSocket(address.fd);
    if (address.kind === "unix") return await this.#unix(address.path, address.mode);
    const host = net.isIP(address.host) === 0 ? (await lookup(address.host)).address : address.host;
    return this.#tcp(host, address.port);
  }

  #tcp(host: string, port: number): HeldSocket {
    const bound = new net.BoundSocket({ host, port, reusePort: this.#config.accept === "reuseport", ipv6Only: false });
    const address = bound.address();
    const scheme = this.#config.tlsCert === undefined ? "http" : "https";
    const shownHost = address.family === "IPv6" ? `[${address.address}]` : address.address;
    const url = `${scheme}://${shownHost}:${address.port}`;
    return { kind: "tcp", fd: bound.fd(), adopt: bound, url, address, close: () => bound.close() };
  }

  async #unix(path: string, mode: number | undefined): Promise<HeldSocket> {
    const socket = await bindUnixSocket(path, mode);
    this.#unixSockets.push(socket);
    return { kind: "unix", ...byDescriptor(socket.fd), url: `unix:${path}` };
  }
}

/** The workers of a killed arbiter need a moment to notice it and close the port. */
const BIND_TRIES = 5;
const BIND_PAUSE_MS = 100;

/** Tries again for a moment while the address is in use. @throws the error of the last try */
export async function bindPatiently<T>(bind: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await bind();
    } catch (error) {
      const isInUse = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
      if (!isInUse || tries === BIND_TRIES) throw error;
      await sleep(BIND_PAUSE_MS);
    }
  }
}

function inheritedSocket(fd: number): HeldSocket {
  let isSocket: boolean;
  try {
    isSocket = fstatSync(fd).isSocket();
  } catch (cause) {
    throw new HeddleError("LISTEN_FAILED", `cannot listen on fd://${fd}: no such descriptor was passed to heddle.`, {
      cause,
    });
  }
  if (!isSocket) throw new HeddleError("LISTEN_FAILED", `cannot listen on fd://${fd}: the descriptor is not a socket.`);
  return { kind: "fd", ...byDescriptor(fd), url: undefined };
}

function byDescriptor(fd: number): Pick<HeldSocket, "fd" | "adopt" | "address" | "close"> {
  return { fd, adopt: { fd }, address: undefined, close: () => closeSync(fd) };
}

function listenError(address: ListenAddress, error: NodeJS.ErrnoException): HeddleError {
  if (error instanceof HeddleError) return error;
  const where = formatListenAddress(address);
  switch (error.code) {
    case "EADDRINUSE":
      return new HeddleError(
        "LISTEN_IN_USE",
        `cannot listen on ${where}: another program listens there already. Choose another with --port or --listen, or 0 for any free port.`,
        { cause: error },
      );
    case "EACCES":
    case "EPERM":
      return new HeddleError(
        "LISTEN_NOT_PERMITTED",
        `cannot listen on ${where}: not permitted. Ports below 1024 need root or CAP_NET_BIND_SERVICE; a Unix socket needs a writable folder.`,
        { cause: error },
      );
    case "EADDRNOTAVAIL":
      return new HeddleError(
        "LISTEN_FAILED",
        `cannot listen on ${where}: this machine has no such address. 127.0.0.1 is this machine only, 0.0.0.0 all of its IPv4 addresses.`,
        { cause: error },
      );
    case "ENOTFOUND":
      return new HeddleError("LISTEN_FAILED", `cannot listen on ${where}: the host name is not known.`, {
        cause: error,
      });
    default:
      return new HeddleError("LISTEN_FAILED", `cannot listen on ${where}: ${error.message}`, { cause: error });
  }
}
