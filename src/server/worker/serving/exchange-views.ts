/** What `heddle threads`, and the report of a blocked thread, show of the requests of a serving thread. */

import type { Exchange } from "../../http/exchange.ts";
import type { Pipeline } from "../../http/pipeline.ts";
import type { ExchangeView } from "./serving-protocol.ts";

export function viewAll(pipeline: Pipeline): ExchangeView[] {
  const views: ExchangeView[] = [];
  for (const exchange of pipeline.exchanges) {
    if (views.push(view(exchange)) === MAX_VIEWS) break;
  }
  return views;
}

/** Enough to see a pattern. Ten thousand waiting requests need not be copied for it. */
const MAX_VIEWS = 100;

export function view(exchange: Exchange): ExchangeView {
  return {
    id: exchange.id,
    method: exchange.req.method ?? "",
    url: exchange.req.url ?? "",
    route: exchange.route.name,
    model: exchange.route.model,
    handler: exchange.handler,
    pool: exchange.route.pool?.name,
    state: exchange.state,
    forMs: Math.round(performance.now() - exchange.receivedMs),
  };
}
