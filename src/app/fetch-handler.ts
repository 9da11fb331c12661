/**
 * Runs an app that is `{ fetch(request) }` on Node's `(req, res)`. The request is srvx's NodeRequest, which reads method,
 * URL, headers and body straight from `req` and makes a native Request only when one is needed; responses are
 * fast-response.ts, written by write-response.ts.
 *
 * `request.signal` aborts when the client leaves before the response is complete, or when `abortRequest` is called. It is
 * made on first use: a handler that never asks for it pays for nothing.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { NodeRequest, patchGlobalRequest } from "srvx/node";
import { HeddleError } from "../errors/errors.ts";
import { installFastResponse, isResponse } from "./fast-response.ts";
import { isPromiseLike, type RequestListener } from "./node-listener.ts";
import { describe } from "./describe.ts";
import { writeResponse } from "./write-response.ts";

export interface FetchApp {
  fetch: (request: Request) => Response | PromiseLike<Response>;
}

const kRequest: unique symbol = Symbol("heddle.request");

/**
 * Puts the fast `Response` and a `Request` that can copy srvx's requests in place of the globals. The function it returns
 * takes both away again.
 */
export function replaceGlobals(): () => void {
  const NativeRequest = globalThis.Request;
  const removeResponse = installFastResponse();
  const ours = patchGlobalRequest();
  return () => {
    removeResponse();
    if (globalThis.Request === ours) globalThis.Request = NativeRequest;
  };
}

/** srvx's request, except that a client's leaving is an AbortError, as everywhere else, and not the socket's ECONNRESET. */
class AppRequest extends NodeRequest {
  readonly #res: ServerResponse;
  #controller: AbortController | undefined;

  constructor(req: IncomingMessage, res: ServerResponse) {
    super({ req, res });
    this.#res = res;
  }

  /** What srvx's `signal` and its native Request are made from, on first use. */
  get _abortController(): AbortController {
    if (this.#controller !== undefined) return this.#controller;
    const controller = new AbortController();
    this.#controller = controller;
    const res = this.#res;
    const onClose = (): void => {
      if (!res.writableFinished) controller.abort(new DOMException("The client went away.", "AbortError"));
    };
    if (res.closed) onClose();
    else res.once("close", onClose);
    return controller;
  }

  abort(reason: unknown): void {
    // oxlint-disable-next-line no-underscore-dangle -- srvx's name
    this._abortController.abort(reason);
  }
}

export function fetchListener(app: FetchApp): RequestListener {
  return (req, res) => {
    const request = new AppRequest(req, res);
    (req as { [kRequest]?: AppRequest })[kRequest] = request;
    const response: unknown = app.fetch(request);
    if (isPromiseLike(response)) return Promise.resolve(response).then((settled) => respond(res, settled));
    return respond(res, response);
  };
}

/** Aborts the `request.signal` of a fetch handler, whether or not it was asked for yet. No effect on other apps. */
export function abortRequest(req: IncomingMessage, reason: unknown): void {
  (req as { [kRequest]?: AppRequest })[kRequest]?.abort(reason);
}

function respond(res: ServerResponse, response: unknown): void | Promise<void> {
  if (isResponse(response)) return writeResponse(res, response);
  throw new HeddleError(
    "HANDLER_FAILED",
    `The app's fetch must return a Response, and returned ${describe(response)}.`,
  );
}
