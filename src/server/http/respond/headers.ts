/** The response headers heddle can add: `--debug-headers` (who served this) and `--server-timing` (how long it took). */

import type { ServerConfig } from "../../../config/config.ts";
import { beforeHead } from "../../../platform/node-internals/responses.ts";
import type { Exchange } from "../exchange.ts";

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

/** The times are known when the head is written. */
function addTimingAtLastMoment(exchange: Exchange): void {
  const { res } = exchange;
  beforeHead(res, () => {
    const queueMs = exchange.executedMs - exchange.receivedMs;
    const handlerMs = performance.now() - exchange.executedMs;
    res.appendHeader("server-timing", `queue;dur=${queueMs.toFixed(1)}, handler;dur=${handlerMs.toFixed(1)}`);
  });
}
