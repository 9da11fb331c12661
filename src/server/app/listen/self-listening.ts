/**
 * Lets an app that calls `listen()` itself run unmodified. The http server that it serves on is captured, and never binds.
 *
 * The captured server gets a stand-in for the handle that a bound server would own
 * (platform/node-internals/listening.ts). So to the app it behaves as a listening server, at heddle's address. Requests reach
 * it through node-listener.ts.
 *
 * Which server is captured:
 * - The one on the app's port, which is heddle's port or `PORT`, or on the Unix socket that heddle listens on.
 * - Else the first one that listens on a port while the app loads.
 * - If the app exports a handler, only one that belongs to it: it serves the export, or takes upgrades, or has the app's port.
 *   The export gets the requests.
 * - Another one on the same port: an app may bind its port on several addresses (Fastify does so for `localhost`).
 * Every other server is bound for real (real-listeners.ts): a metrics port, an internal server of a renderer, anything that is
 * not HTTP. One on port 0 is bound for real as well, and is the app's if no other server listens.
 *
 * Invariants:
 * - `listening` is emitted on a later tick, as after a real bind, so handlers added after `listen()` still hear it.
 * - The patch stays for the life of the thread, because an app may listen after an awaited database connect.
 *
 * Rejected: patching `address`, `close` and `listening` on each server (they drift from Node's), and letting the app bind
 * a free port and proxying to it (a second hop for each request).
 */

import type { Server as HttpServer } from "node:http";
import type { Server as HttpsServer } from "node:https";
import { Server as NetServer, type AddressInfo } from "node:net";
import { resolve } from "node:path";
import { HeddleError } from "../../../errors/errors.ts";
import { isHttp2Server, isSecure, type OwnProtocol, protocolOf } from "../../../platform/app-servers.ts";
import { http } from "../../../platform/http.ts";
import { pretendToListen, replaceListen, stopPretending } from "../../../platform/node-internals/listening.ts";
import type { AppSockets } from "./app-sockets.ts";
import { shareDatagrams } from "./shared-datagrams.ts";
import { closeOnAbort, listenForReal, type Notice, requestedPath, requestedPort } from "./real-listeners.ts";

/** heddle's address, which the app's `server.address()` returns. A string is a Unix socket's path. */
export type ListenAddress = AddressInfo | string;

/** Or a server of HTTP/2, which lacks some of their fields. */
export type AppServer = HttpServer | HttpsServer;

/** `listen` of one server. */
type Listen = (others?: readonly unknown[]) => NetServer;

/** Instead of a port: the path of a Unix socket that heddle listens on. */
const OWN_PATH = "own path";
type Port = number | typeof OWN_PATH | undefined;

/** A captured server, and how to bind it for real after all. */
interface Captured {
  readonly server: AppServer;
  readonly port: Port;
  readonly args: readonly unknown[];
  readonly listen: Listen;
  /** Its `listening` has been emitted. */
  isTold: boolean;
}

export class ListenCapture {
  readonly #address: ListenAddress;
  readonly #paths: readonly string[];
  readonly #notice: Notice;
  readonly #sockets: AppSockets | undefined;
  readonly #captured: Promise<AppServer>;
  #announce: (server: AppServer) => void = () => {};
  #own: Captured | undefined;
  /** Bound for real on a port that the system chose. */
  #onAnyPort: AppServer | undefined;
  /** The app has loaded: what listens from now on is not its server, unless it has the app's port or belongs to the export. */
  #isSettled = false;
  #belongs: (server: AppServer) => boolean = () => false;
  /** Set when connections are served: how. A server that comes later and speaks something else can't have them. */
  #served: { readonly protocol: OwnProtocol | undefined } | undefined;

  /** From here on the calls of `listen()` in this thread are looked at. Install once per thread. `paths`: the Unix sockets that heddle listens on. */
  static install(
    address: ListenAddress,
    notice: Notice,
    sockets?: AppSockets,
    paths: readonly string[] = [],
  ): ListenCapture {
    const capture = new ListenCapture(address, notice, sockets, paths);
    if (sockets !== undefined) shareDatagrams(sockets);
    replaceListen((server, args, listen) => capture.#listen(server, args, listen));
    return capture;
  }

  private constructor(
    address: ListenAddress,
    notice: Notice,
    sockets: AppSockets | undefined,
    paths: readonly string[],
  ) {
    this.#address = address;
    this.#paths = paths;
    this.#notice = notice;
    this.#sockets = sockets;
    this.#captured = new Promise((resolve) => {
      this.#announce = resolve;
    });
  }

  /** The server the app serves on, if it has called `listen()` by now. */
  get server(): AppServer | undefined {
    return this.#own?.server;
  }

  /** Resolves when the app's server has emitted `listening`. Never, if it does not listen. */
  whenListening(): Promise<AppServer> {
    return this.#captured;
  }

  /** This is the app's server, whatever else listens. It does not listen yet. */
  take(server: AppServer): void {
    if (this.#own?.server.listening === true) this.#release(this.#own);
    this.#own = { server, port: undefined, args: [], listen: () => server, isTold: false };
    pretend(this.#own, this.#address, () => this.#announce(server));
  }

  /** The app's module has been evaluated: if it has no other server, one on port 0 is its own. */
  takeAnyPort(): void {
    const server = this.#onAnyPort;
    if (this.#own !== undefined || server === undefined || !server.listening) return;
    this.#own = { server, port: 0, args: [], listen: () => server, isTold: true };
    this.#announce(server);
  }

  /** The app has loaded. `belongs`: whether a server serves what the app exports; undefined: it exports nothing that could be. */
  settle(belongs: ((server: AppServer) => boolean) | undefined): void {
    this.#isSettled = true;
    const own = this.#own;
    // Without an export it may close its server and listen on another one.
    this.#belongs = belongs ?? (() => true);
    if (own === undefined || belongs === undefined || this.#isAppsPort(own.port)) return;
    if (own.server.listenerCount("upgrade") === 0 && !belongs(own.server)) this.#release(own);
  }

  /** The app is about to serve. Not called if heddle does TLS, whatever the app's server does. */
  serves(protocol: OwnProtocol | undefined): void {
    this.#served = { protocol };
  }

  #listen(server: NetServer, args: readonly unknown[], listen: Listen): NetServer {
    // Node's own `listen` throws "already listening".
    if (server.listening) return listen();
    if (!isAppServer(server)) return this.#bind(server, args, listen);
    const path = this.#ownPath(args);
    const port = path === undefined ? requestedPort(args) : OWN_PATH;
    const address = path ?? this.#address;
    const own = this.#own;
    const isTwin = own !== undefined && own.server !== server && own.server.listening && this.#isSamePort(port, own);
    if (isTwin) {
      pretend({ server, port, args, listen, isTold: false }, address);
    } else if (this.#isWanted(server, port)) {
      if (own !== undefined && own.server !== server && own.server.listening) this.#release(own);
      this.#own = { server, port, args, listen, isTold: false };
      pretend(this.#own, address, () => this.#announce(server));
    } else {
      if (port === 0 || port === undefined) this.#onAnyPort ??= server;
      return this.#bind(server, args, listen);
    }
    return server;
  }

  #bind(server: NetServer, args: readonly unknown[], listen: Listen, told?: "listening" | "callback"): NetServer {
    const listener = { server, args, listen, notice: this.#notice, sockets: this.#sockets };
    return listenForReal({ ...listener, ...(told && { told }) }, isAppServer(server) && !isHttp2Server(server));
  }

  #isWanted(server: AppServer, port: Port): boolean {
    const own = this.#own;
    if (own?.server === server) return true;
    if (this.#served !== undefined && this.#served.protocol !== protocolOf(server)) {
      if (this.#isAppsPort(port)) throw comesTooLate();
      return false;
    }
    const isOpen = own !== undefined && own.server.listening;
    if (this.#isAppsPort(port)) return !isOpen || !this.#isAppsPort(own.port);
    if (isOpen || port === 0 || port === undefined) return false;
    return this.#isSettled ? this.#belongs(server) : true;
  }

  /** It was captured, and is not the app's server. */
  #release(captured: Captured): void {
    const { server, args, listen, isTold } = captured;
    if (this.#own === captured) this.#own = undefined;
    // Its own `listening` comes when it has bound.
    captured.isTold = true;
    stopPretending(server);
    this.#bind(server, args, listen, isTold ? "listening" : "callback");
  }

  #ownPath(args: readonly unknown[]): string | undefined {
    const path = requestedPath(args);
    return path !== undefined && this.#paths.includes(resolve(path)) ? path : undefined;
  }

  #isAppsPort(port: Port): boolean {
    if (port === OWN_PATH) return true;
    if (port === undefined || port === 0) return false;
    return port === Number(process.env["PORT"]) || (typeof this.#address === "object" && port === this.#address.port);
  }

  #isSamePort(port: Port, own: Captured): boolean {
    if (port === undefined || port === 0) return false;
    return port === own.port || (this.#isAppsPort(port) && this.#isAppsPort(own.port));
  }
}

/** Its clients expect TLS or HTTP/2, and others are served already. */
function comesTooLate(): HeddleError {
  return new HeddleError(
    "APP_SERVES_TLS",
    "the app listens with another kind of server (http, https, HTTP/2) than the one that is served already.",
    { hint: "Call its listen() before the app has loaded, or export the server." },
  );
}

/** The server believes that it listens, and hears of it on a later tick. */
function pretend(captured: Captured, address: ListenAddress, then: () => void = () => {}): void {
  const { server, args } = captured;
  pretendToListen(server, address);
  const callback = args.findLast((arg) => typeof arg === "function") as (() => void) | undefined;
  if (callback !== undefined) server.once("listening", callback);
  closeOnAbort(server, args[0]);
  process.nextTick(() => {
    if (captured.isTold || !server.listening) return;
    captured.isTold = true;
    server.emit("listening");
    then();
  });
}

export function isAppServer(value: unknown): value is AppServer {
  if (value instanceof http.Server) return true;
  if (!(value instanceof NetServer)) return false;
  if (isHttp2Server(value)) return true;
  // Checked last, and only for a possible match: it loads TLS.
  return isSecure(value) && value instanceof process.getBuiltinModule("node:https").Server;
}
