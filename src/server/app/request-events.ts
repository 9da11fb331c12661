/**
 * Gives the app its requests so that instrumentation sees them: OpenTelemetry, Sentry and others wrap `emit` of
 * `http.Server.prototype`, or subscribe to node:http's diagnostics channels. Both get what they would get under `node`, for each
 * request that the app gets, once, on the thread that runs its handler, from one server:
 *
 *   http.server.response.created, http.server.request.start → server.emit("request") → the app → http.server.response.finish
 *
 * The server has no connection. Its only listener calls the app, so what the app returns is not lost with what `emit` returns.
 * It is an https server if heddle or the app's server ends TLS, and its address is heddle's.
 *
 * What the app does not get is not seen: refusals, and requests that run on other threads (`keepToItself`, `holdBack`).
 *
 * Without instrumentation the app is called directly.
 *
 * Rejected: `emit` of the app's own server. Not every app has one, and behind heddle's TLS it would be seen as plain http.
 */

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { http } from "../../platform/http.ts";
import { isWatched } from "../../platform/node-internals/connections.ts";
import { announce, isAnnounced } from "../../platform/node-internals/http-channels.ts";
import { pretendToListen } from "../../platform/node-internals/listening.ts";
import type { ListenAddress } from "./listen/self-listening.ts";
import type { ExpectEvent } from "./node-listener.ts";

type RequestEvent = "request" | ExpectEvent;

/** Its throw, or its promise's rejection, is the handler's failure. */
export type Handle = (event: RequestEvent, req: IncomingMessage, res: ServerResponse) => void | Promise<void>;

export class RequestEvents {
  readonly #handle: Handle;
  readonly #address: ListenAddress;
  readonly #isTls: boolean;
  #server: Server | undefined;
  #outcome: void | Promise<void> = undefined;

  constructor(handle: Handle, address: ListenAddress, isTls: boolean) {
    this.#handle = handle;
    this.#address = address;
    this.#isTls = isTls;
  }

  readonly give: Handle = (event, req, res) => {
    // node:http2 announces nothing, and tools that know HTTP/2 look elsewhere.
    if (!this.#isWatched() || !(req instanceof http.IncomingMessage)) return this.#handle(event, req, res);
    const server = (this.#server ??= this.#makeServer());
    announce(server, req, res);
    this.#outcome = undefined;
    // Instrumentation may answer itself, and not call the app.
    server.emit(event, req, res);
    const outcome = this.#outcome;
    this.#outcome = undefined;
    return outcome;
  };

  /** Sentry wraps `emit` of the one server, but subscribes to a channel for that. */
  #isWatched(): boolean {
    return isAnnounced() || isWatched(this.#server ?? this.#prototype());
  }

  #prototype(): Server {
    return this.#isTls ? process.getBuiltinModule("node:https").Server.prototype : http.Server.prototype;
  }

  #makeServer(): Server {
    const server = this.#isTls ? process.getBuiltinModule("node:https").createServer() : new http.Server();
    pretendToListen(server, this.#address);
    for (const event of ["request", "checkContinue", "checkExpectation"] as const) {
      server.on(event, (req: IncomingMessage, res: ServerResponse) => {
        this.#outcome = this.#handle(event, req, res);
      });
    }
    return server;
  }
}
