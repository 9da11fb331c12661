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
 * Puts the fast `Response` and a `Request` that can copy srvx's requests in place of the globals. Must run before the app
 * is imported, when its shape is not known yet: the function it returns takes both away again.
 */
export function installFetchGlobals(): () => void {
  const NativeRequest = globalThis.Request;
  const removeResponse = installFastResponse();
  const ours = patchGlobalRequest();
  return () => {
    removeResponse();
    if (globalThis.Request === ours) globalThis.Request = NativeRequest;
  };
}

export function fetchListener(app: FetchApp): RequestListener {
  return (req, res) => {
    const request = new NodeRequest({ req, res });
    (req as { [kRequest]?: unknown })[kRequest] = request;
    const response: unknown = app.fetch(request);
    if (isPromiseLike(response)) return Promise.resolve(response).then((settled) => respond(res, settled));
    return respond(res, response);
  };
}

/** Aborts the `request.signal` of a fetch handler, whether or not it was asked for yet. No effect on other apps. */
export function abortRequest(req: IncomingMessage, reason: unknown): void {
  // srvx keeps the controller behind a lazy getter; reaching for it is how the signal is aborted from outside.
  const { _abortController: controller } =
    (req as { [kRequest]?: { _abortController?: AbortController } })[kRequest] ?? {};
  controller?.abort(reason);
}

function respond(res: ServerResponse, response: unknown): void | Promise<void> {
  if (isResponse(response)) return writeResponse(res, response);
  throw new HeddleError(
    "HANDLER_FAILED",
    `The app's fetch must return a Response, and returned ${describe(response)}.`,
  );
}
