/** The response headers heddle can add: `--debug-headers` (who served this) and `--server-timing` (how long it took). */

import type { ServerConfig } from "../../../config/config.ts";
import { beforeHead } from "../../../platform/node-internals/responses.ts";
import type { Exchange } from "../exchange.ts";
import type { StreamExchange } from "../own-server/stream-exchange.ts";

export function decorate(exchange: Exchange, config: ServerConfig, thread: number): void {
  const { res } = exchange;
  if (config.debugHeaders) {
    res.setHeader("x-heddle-worker", process.pid);
    res.setHeader("x-heddle-thread", thread);
    res.setHeader("x-heddle-model", exchange.route.model);
    res.setHeader("x-request-id", exchange.id);
  }
  if (config.serverTiming) addTimingAtLastMoment(exchange);
}

/** The same for a request of HTTP/2. */
export function decorateStream(exchange: StreamExchange, config: ServerConfig, thread: number): void {
  const { ownHeaders } = exchange;
  if (config.debugHeaders)
    Object.assign(ownHeaders, {
      "x-heddle-worker": process.pid,
      "x-heddle-thread": thread,
      "x-heddle-model": exchange.route.model,
      "x-request-id": exchange.id,
    });
  exchange.decorates(() => {
    if (config.serverTiming) ownHeaders["server-timing"] = timing(exchange);
  });
}

function timing(exchange: Exchange): string {
  const queueMs = exchange.executedMs - exchange.receivedMs;
  const handlerMs = performance.now() - exchange.executedMs;
  return `queue;dur=${queueMs.toFixed(1)}, handler;dur=${handlerMs.toFixed(1)}`;
}

/** The times are known when the head is written. */
function addTimingAtLastMoment(exchange: Exchange): void {
  const { res } = exchange;
  beforeHead(res, () => {
    res.appendHeader("server-timing", timing(exchange));
  });
}
