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
  nameSocket,
  pretendToListen,
  replaceEmit,
  stopAccepting,
  stopPretending,
} from "../../../platform/node-internals/listening.ts";
import { clearInterval, setImmediate, setInterval } from "../../../kit/native-timers.ts";
import { closeFd } from "../../../platform/native.ts";
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

export class SharedServer implements Claimant {
  readonly #options: SharedServerOptions;
  readonly #connections = new Set<Socket>();
  #isTold: boolean;
  #isGiven = false;
  /** The newest one that is about to be. */
  #replacement: object | undefined;

  constructor(options: SharedServerOptions) {
    this.#options = options;
    this.#isTold = options.isTold;
    pretendToListen(options.server, options.address);
  }

  answered(answer: SocketAnswer): boolean {
    const { server, alone, address } = this.#options;
    if (answer.outcome === "given" && this.#isGiven && server.listening) {
      this.#replaceBy(answer.fd);
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

  /** The file of a Unix socket was removed, and this one is in its place. Those who found the old one before that are accepted first. */
  #replaceBy(fd: number): void {
    const { server, address } = this.#options;
    const replacement = (this.#replacement = {});
    // In the first of them the loop may be in the middle of what it has heard of.
    setImmediate(() =>
      setImmediate(() => {
        const isWanted = this.#replacement === replacement && server.listening && !isPretending(server);
        if (!isWanted) return closeFd(fd);
        stopAccepting(server, address);
        this.#listenOn(fd);
      }),
    );
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
