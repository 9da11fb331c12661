/**
 * The sockets the arbiter binds, once, and keeps until it ends: across every reload, crash and kill of a worker the
 * kernel's backlog goes on taking connections, so none is refused.
 *
 * Three ways of accepting (`--accept`):
 * - `handoff`, one worker: the worker inherits the socket and accepts; the arbiter only holds it.
 * - `handoff`, several workers: the arbiter accepts and hands each connection to the least-loaded worker
 *   (`dispatcher.ts`), because workers that share a socket split a burst 87 % to 13 %.
 * - `shared`: every worker inherits the same socket. `reuseport`: each worker slot has a socket of its own on the same
 *   port, all held here, so that a worker's death does not lose what queued on its socket.
 */

import { lookup } from "node:dns/promises";
import { chmodSync, fstatSync, lstatSync, unlinkSync } from "node:fs";
import net, { type AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { formatListenAddress, type ListenAddress, type ServerConfig } from "../config/config.ts";
import { HeddleError } from "../errors/errors.ts";
import type { InheritedListener } from "../worker/protocol.ts";
import type { ListenerAddress } from "../worker/thread-protocol.ts";

/** A held socket: bound here, or inherited from whoever started the arbiter. */
export interface HeldSocket {
  readonly kind: "tcp" | "unix" | "fd";
  readonly fd: number;
  /** What `net.Server.listen` takes to accept on it in this process. */
  readonly adopt: net.BoundSocket | { readonly fd: number };
  readonly url: string | undefined;
  readonly address: AddressInfo | undefined;
}

export class Listeners {
  readonly #config: ServerConfig;
  readonly #sockets: HeldSocket[] = [];
  /** reuseport: the sockets of each worker slot. */
  readonly #slots: HeldSocket[][] = [];
  readonly #unixPaths: string[] = [];

  private constructor(config: ServerConfig) {
    this.#config = config;
  }

  /** @throws HeddleError LISTEN_IN_USE, LISTEN_NOT_PERMITTED, LISTEN_FAILED */
  static async bind(config: ServerConfig): Promise<Listeners> {
    const listeners = new Listeners(config);
    try {
      for (const address of config.listen) listeners.#sockets.push(await listeners.#bindOne(address));
    } catch (error) {
      listeners.close();
      throw error;
    }
    return listeners;
  }

  get sockets(): readonly HeldSocket[] {
    return this.#sockets;
  }

  /** The sockets a worker in this slot accepts on, when it accepts itself. */
  ofSlot(slot: number): readonly HeldSocket[] {
    if (this.#config.accept !== "reuseport" || slot === 0) return this.#sockets;
    return (this.#slots[slot] ??= this.#sockets.map((socket) => this.#twin(socket)));
  }

  /** The same, as a worker inherits them. */
  inherited(slot: number): readonly InheritedListener[] {
    return this.ofSlot(slot).map(({ kind, fd }) => ({ kind, fd }));
  }

  /** reuseport: sockets of the slots from `workers` on. They queue connections as long as they are held. */
  surplus(workers: number): readonly HeldSocket[] {
    const own = this.#slots.slice(workers).flatMap((sockets) => sockets ?? []);
    return own.filter((socket) => !this.#sockets.includes(socket));
  }

  /** The first TCP address, which a self-listening app is told as its own. */
  get primary(): ListenerAddress {
    const tcp = this.#sockets.find(({ address }) => address !== undefined)?.address;
    return { url: this.#sockets[0]?.url ?? "", host: tcp?.address ?? "127.0.0.1", port: tcp?.port ?? 0 };
  }

  /** Removes the Unix sockets' files. The sockets themselves end with the process. */
  close(): void {
    for (const path of this.#unixPaths.splice(0)) {
      try {
        unlinkSync(path);
      } catch {
        // Somebody else has removed it already.
      }
    }
  }

  /** Another socket on the same address; Unix sockets and inherited ones can't have one and are shared. */
  #twin(socket: HeldSocket): HeldSocket {
    if (socket.address === undefined) return socket;
    return this.#tcp(socket.address.address, socket.address.port);
  }

  async #bindOne(address: ListenAddress): Promise<HeldSocket> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#tryBind(address);
      } catch (error) {
        const isInUse = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
        if (!isInUse || tries === BIND_TRIES) throw listenError(address, error as NodeJS.ErrnoException);
        await sleep(BIND_PAUSE_MS);
      }
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
    return { kind: "tcp", fd: bound.fd(), adopt: bound, url: `${scheme}://${shownHost}:${address.port}`, address };
  }

  async #unix(path: string, mode: number | undefined): Promise<HeldSocket> {
    await removeIfStale(path);
    // The socket must never be open wider than it will be: narrow first, then set the mode that was asked for.
    const umask = process.umask(0o177);
    let bound: net.BoundSocket;
    try {
      bound = new net.BoundSocket({ path } as never);
    } finally {
      process.umask(umask);
    }
    chmodSync(path, mode ?? 0o666 & ~umask);
    this.#unixPaths.push(path);
    return { kind: "unix", fd: bound.fd(), adopt: bound, url: `unix:${path}`, address: undefined };
  }
}

/** The workers of an arbiter that was killed need a moment to notice and give the port back. */
const BIND_TRIES = 5;
const BIND_PAUSE_MS = 100;

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
  return { kind: "fd", fd, adopt: { fd }, url: undefined, address: undefined };
}

/**
 * A socket file whose server is gone stays behind when a server is killed; one that answers is somebody's. Anything but
 * a socket is left alone: connecting to a plain file is refused as well, and unlinking it would lose it.
 */
export async function removeIfStale(path: string): Promise<void> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return;
  const outcome = await new Promise<string>((resolve) => {
    const socket = net.connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve("alive");
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "unknown"));
  });
  if (outcome === "ECONNREFUSED") unlinkSync(path);
}

function listenError(address: ListenAddress, error: NodeJS.ErrnoException): HeddleError {
  if (error instanceof HeddleError) return error;
  const where = formatListenAddress(address);
  switch (error.code) {
    case "EADDRINUSE":
      return new HeddleError(
        "LISTEN_IN_USE",
        `cannot listen on ${where}: another program already does. Choose another with --port or --listen, or 0 for any free port.`,
        { cause: error },
      );
    case "EACCES":
    case "EPERM":
      return new HeddleError(
        "LISTEN_NOT_PERMITTED",
        `cannot listen on ${where}: not permitted. Ports below 1024 need root or CAP_NET_BIND_SERVICE; a Unix socket needs a folder that may be written.`,
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
