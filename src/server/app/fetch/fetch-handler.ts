/**
 * Runs an app that is `{ fetch(request) }` on Node's `(req, res)`. The request is srvx's NodeRequest, which reads method,
 * URL, headers and body straight from `req` and makes a native Request only when one is needed; responses are
 * fast-response.ts, written by write-response.ts.
 *
 * `request.signal` is made on first use: a handler that never asks for it pays for nothing.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { NodeRequest, patchGlobalRequest } from "srvx/node";
import { HeddleError } from "../../../errors/errors.ts";
import { installFastResponse, isResponse } from "./fast-response.ts";
import { isPromiseLike, type RequestListener } from "../node-listener.ts";
import { describe } from "../load/describe.ts";
import { urlOf } from "./request-url.ts";
import { writeResponse } from "./write-response.ts";

export interface FetchApp {
  fetch: (request: Request) => Response | PromiseLike<Response>;
}

/**
 * Replaces the globals by the fast `Response` and by a `Request` that can copy srvx's requests. Called once it is known that
 * the app's handler is run from here. Code that stored the native classes while it was imported keeps using them, and is only
 * slower.
 */
export function replaceGlobals(): void {
  installFastResponse();
  patchGlobalRequest();
}

/**
 * srvx's request, with another URL (request-url.ts) and another signal: `req.signal`, which aborts when the client leaves and
 * when the request times out.
 */
class AppRequest extends NodeRequest {
  readonly #req: IncomingMessage;
  #controller: AbortController | undefined;
  #url: URL | undefined;

  constructor(req: IncomingMessage, res: ServerResponse) {
    super({ req, res });
    this.#req = req;
  }

  /** srvx's `url` and its native Request are made from it, on first use. */
  override get _url(): URL {
    return (this.#url ??= urlOf(this.#req));
  }

  override set _url(url: URL) {
    this.#url = url;
  }

  /** srvx's `signal` and its native Request are made from it, on first use. */
  get _abortController(): AbortController {
    if (this.#controller !== undefined) return this.#controller;
    const controller = new AbortController();
    this.#controller = controller;
    const { signal } = this.#req;
    const follow = (): void => controller.abort(signal.reason);
    if (signal.aborted) follow();
    else signal.addEventListener("abort", follow, { once: true });
    return controller;
  }
}

export function fetchListener(app: FetchApp): RequestListener {
  return (req, res) => {
    const response: unknown = app.fetch(new AppRequest(req, res));
    if (isPromiseLike(response)) return Promise.resolve(response).then((settled) => respond(res, settled));
    return respond(res, response);
  };
}

function respond(res: ServerResponse, response: unknown): void | Promise<void> {
  if (isResponse(response)) return writeResponse(res, response);
  throw new HeddleError(
    "HANDLER_FAILED",
    `The app's fetch must return a Response, and returned ${describe(response)}.`,
  );
}
