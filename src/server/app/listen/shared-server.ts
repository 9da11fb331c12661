/**
 * A server of an app on a socket that all of its copies share (`app-sockets.ts`).
 *
 * One of HTTP/2 (gRPC) or of another protocol is shared: every copy accepts, as under node:cluster. One of HTTP/1, a metrics
 * port for instance, is exclusive: an answer of any other copy would be about that copy. One copy has it, the others wait.
 *
 * Until the socket is given, the server believes that it listens. `next` and `waits` have it emit `listening` all the same: an app
 * may wait for that to boot. If the app listens for the server's errors, `waits` is EADDRINUSE instead: it may want another port. `next`
 * is not: a copy boots before the one that it replaces has given up the port.
 */

import { constants } from "node:os";
import type { AddressInfo, Server, Socket } from "node:net";
import {
  isPretending,
  listeningDescriptor,
  nameSocket,
  pretendToListen,
  replaceEmit,
  stopAccepting,
  stopPretending,
} from "../../../platform/node-internals/listening.ts";
import { clearInterval, setImmediate, setInterval } from "../../../kit/native-timers.ts";
import { areAwaited, closeFd } from "../../../platform/native.ts";
import type { Claimant, SocketAnswer } from "./app-sockets.ts";

export interface SharedServerOptions {
  readonly server: Server;
  /** Where it believes to listen. */
  readonly address: AddressInfo | string;
  readonly backlog: number | undefined;
  /** Node's own `listen` of this server. */
  readonly listen: (args: readonly unknown[]) => Server;
  /** It has emitted `listening`. */
  readonly isTold: boolean;
  /** Binds it by itself. `waits`: for the port, if another copy has it. */
  readonly alone: (waits: boolean, told: "listening" | "callback") => void;
}

/** A connection that has moved no byte for this long has nothing to finish. */
const QUIET_MS = 1000;
const LOOK_MS = 100;
/** Node's own. */
const DEFAULT_BACKLOG = 511;

export class SharedServer implements Claimant {
  readonly #options: SharedServerOptions;
  readonly #connections = new Set<Socket>();
  #isTold: boolean;
  #isGiven = false;
  /** Those that are about to replace the one it has, in turn. */
  readonly #replacements: number[] = [];

  constructor(options: SharedServerOptions) {
    this.#options = options;
    this.#isTold = options.isTold;
    pretendToListen(options.server, options.address);
  }

  answered(answer: SocketAnswer): boolean {
    const { server, alone, address } = this.#options;
    if (answer.outcome === "given" && this.#isGiven && server.listening) {
      if (this.#replacements.push(answer.fd) === 1) this.#replace(0);
      return true;
    }
    // The app has closed it.
    if (!isPretending(server)) return false;
    switch (answer.outcome) {
      case "given":
        this.#listenOn(answer.fd);
        return true;
      case "pretended":
      case "next":
        this.#announce();
        return true;
      case "waits":
        if (this.#isTold || server.listenerCount("error") === 0) {
          this.#announce();
          return true;
        }
        stopPretending(server);
        server.emit("error", inUse(address));
        return false;
      default:
        stopPretending(server);
        alone(answer.outcome === "unavailable", this.#isTold ? "listening" : "callback");
        return false;
    }
  }

  retire(): void {
    const { server, address } = this.#options;
    if (this.#isGiven) stopAccepting(server, address);
  }

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

  /**
   * The file of a Unix socket was removed, and another one is in its place. Those who found the old one before that are accepted first,
   * one in each turn of the loop. `turns`: so far. If the file was only renamed, more may come for ever.
   */
  #replace(turns: number): void {
    const { server, address, backlog = DEFAULT_BACKLOG } = this.#options;
    // Closed, by the app or because its copy drains.
    if (!server.listening || isPretending(server)) {
      for (const fd of this.#replacements.splice(0)) closeFd(fd);
      return;
    }
    const waits = turns < 2 * backlog && areAwaited([listeningDescriptor(server)]);
    if (!waits) {
      stopAccepting(server, address);
      this.#listenOn(this.#replacements.shift()!);
    }
    if (this.#replacements.length > 0) setImmediate(() => this.#replace(waits ? turns + 1 : 0));
  }

  #listenOn(fd: number): void {
    const { server, listen, backlog, address } = this.#options;
    const isTold = this.#isTold;
    if (!this.#isGiven) server.on("connection", this.#connected);
    this.#isGiven = true;
    this.#isTold = true;
    stopPretending(server);
    const restore = replaceEmit(server, (emit) => (name, ...rest) => {
      if (name !== "listening" && name !== "error") return emit(name, ...rest);
      restore();
      return isTold && name === "listening" ? true : emit(name, ...rest);
    });
    listen([backlog === undefined ? { fd } : { fd, backlog }]);
    if (typeof address === "string") nameSocket(server, address);
  }

  readonly #connected = (socket: Socket): void => {
    this.#connections.add(socket);
    socket.once("close", () => this.#connections.delete(socket));
  };

  #announce(): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#options.server.emit("listening");
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
