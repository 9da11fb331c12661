/**
 * Runs an app that is `{ fetch(request) }` on Node's `(req, res)`.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { NodeRequest, sendNodeResponse } from "srvx/node";
import type { RequestListener } from "./shapes.ts";

export interface FetchApp {
  fetch: (request: Request) => Response | Promise<Response>;
}

export function fetchListener(app: FetchApp): RequestListener {
  return (req: IncomingMessage, res: ServerResponse) => {
    const response = app.fetch(new NodeRequest({ req, res }));
    return response instanceof Promise
      ? response.then((r) => sendNodeResponse(res, r))
      : sendNodeResponse(res, response);
  };
}
