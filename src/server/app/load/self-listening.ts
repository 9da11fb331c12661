/**
 * Lets an app that calls `listen()` itself run unmodified. The http server it listens on is captured, and never binds.
 *
 * The captured server gets a stand-in for the handle that a bound server would own
 * (platform/node-internals/listening.ts). So to the app it behaves as a listening server, at heddle's address. Requests reach
 * it through node-listener.ts.
 *
 * Invariants:
 * - `listening` is emitted on a later tick, as after a real bind, so handlers added after `listen()` still hear it.
 * - One captured server at a time. A second one is an error, unless the first was closed, or the second asks for the same
 *   port: then one app binds its port on another address (Fastify does so for `localhost`).
 * - Only http and https servers are captured. A plain `net` server is left alone.
 * - The patch stays for the life of the thread, because an app may listen after an awaited database connect.
 *
 * Rejected: patching `address`, `close` and `listening` on each server (they drift from Node's), and letting the app bind
 * a free port and proxying to it (a second hop for each request).
 */

import type { Server as HttpServer } from "node:http";
import type { Server as HttpsServer } from "node:https";
import { Server as NetServer, type AddressInfo } from "node:net";
import { http } from "../../../platform/http.ts";
import { pretendToListen, replaceListen } from "../../../platform/node-internals/listening.ts";
import { HeddleError } from "../../../errors/errors.ts";

/** heddle's address, which the app's `server.address()` returns. A string is a Unix socket's path. */
export type ListenAddress = AddressInfo | string;

export type AppServer = HttpServer | HttpsServer;

export class ListenCapture {
  readonly #address: ListenAddress;
  readonly #captured: Promise<AppServer>;
  #announce: (server: AppServer) => void = () => {};
  #server: AppServer | undefined;
  #requestedPort: number | undefined;
  #refusal: HeddleError | undefined;

  /** From here on every http server in this thread that calls `listen()` is captured. Install once per thread. */
  static install(address: ListenAddress): ListenCapture {
    const capture = new ListenCapture(address);
    replaceListen((server, args, listen) => {
      // Node's own `listen` also throws "already listening".
      if (!isAppServer(server) || server.listening) return listen();
      capture.#take(server, args);
      return server;
    });
    return capture;
  }

  private constructor(address: ListenAddress) {
    this.#address = address;
    this.#captured = new Promise((resolve) => {
      this.#announce = resolve;
    });
  }

  /** The server the app listens on, if it has called `listen()` by now. */
  get server(): AppServer | undefined {
    return this.#server;
  }

  /** The error that a second `listen()` threw. The app may have swallowed it. */
  get refusal(): HeddleError | undefined {
    return this.#refusal;
  }

  /** Resolves when the app's first server has emitted `listening`. Never, if it does not listen. */
  whenListening(): Promise<AppServer> {
    return this.#captured;
  }

  #take(server: AppServer, args: readonly unknown[]): void {
    const port = requestedPort(args);
    const isFirst = this.#server === undefined || this.#server === server || !this.#server.listening;
    if (!isFirst && !this.#isSamePort(port)) {
      this.#refusal = new HeddleError(
        "APP_LISTENS_TWICE",
        `The app calls listen() on two http servers (port ${this.#requestedPort ?? "?"}, then port ${port ?? "?"}); heddle serves one.`,
        {
          hint: "Keep one listen(), or export the server that heddle should serve as default, and start the other in a separate program.",
        },
      );
      throw this.#refusal;
    }
    if (isFirst) {
      this.#server = server;
      this.#requestedPort = port;
    }
    pretendToListen(server, this.#address);
    const callback = args.findLast((arg) => typeof arg === "function") as (() => void) | undefined;
    if (callback !== undefined) server.once("listening", callback);
    closeOnAbort(server, args[0]);
    process.nextTick(() => {
      if (!server.listening) return;
      server.emit("listening");
      if (isFirst) this.#announce(server);
    });
  }

  #isSamePort(port: number | undefined): boolean {
    if (port === undefined || port === 0) return false;
    return port === this.#requestedPort || (typeof this.#address === "object" && port === this.#address.port);
  }
}

export function isAppServer(value: unknown): value is AppServer {
  if (value instanceof http.Server) return true;
  // Checked last, and only for a possible match: it loads TLS.
  return (
    value instanceof NetServer &&
    "setSecureContext" in value &&
    value instanceof process.getBuiltinModule("node:https").Server
  );
}

/** `listen(3000)`, `listen("3000")`, `listen({ port: 3000 })`; undefined for a path or no port at all. */
function requestedPort(args: readonly unknown[]): number | undefined {
  const first = args[0];
  const port = typeof first === "object" && first !== null && "port" in first ? first.port : first;
  if (typeof port === "number") return port;
  return typeof port === "string" && /^\d+$/.test(port) ? Number(port) : undefined;
}

function closeOnAbort(server: AppServer, options: unknown): void {
  if (typeof options !== "object" || options === null || !("signal" in options)) return;
  const { signal } = options;
  if (!(signal instanceof AbortSignal)) return;
  const close = (): void => void server.close();
  if (signal.aborted) process.nextTick(close);
  else signal.addEventListener("abort", close, { once: true });
}
