/**
 * What a serving thread does when a handler blocks it on purpose (`awaitSync`).
 *
 * An event loop serves other requests too, so it refuses and says what to write instead. Under `sync` there is only one
 * request. The loop does not turn while the handler is blocked, so each look does the loop's work for this request: it
 * updates the heartbeat, enforces the time limits, asks the kernel whether the client has left, and checks whether the last
 * call of a drain is due.
 */

import { drainError } from "../../app/called-off.ts";
import type { ServerConfig } from "../../../config/config.ts";
import { HeddleError } from "../../../errors/errors.ts";
import { setBlockingRules } from "../../../runtime/blocking.ts";
import { monotonicMs } from "../../../kit/clock.ts";
import { type LoadRow } from "../../../supervise/load-board.ts";
import { mayBeAnsweredWhileBlocked } from "../../http/admit/client-watch.ts";
import type { Exchange } from "../../http/exchange.ts";
import type { Pipeline } from "../../http/pipeline.ts";
import { areHungUp, endBehindLastByteMs, hasNative } from "../../../platform/native.ts";
import { offloadSetting } from "../report/offload-hint.ts";
import { descriptorOf } from "../../../platform/node-internals/handles.ts";

export function setServingRules(config: ServerConfig, pipeline: Pipeline, row: LoadRow, beatMs: number): void {
  if (config.model !== "sync") {
    setBlockingRules({ may: (what) => refuse(what, pipeline.current()?.route.name) });
    return;
  }
  let latest: Exchange | undefined;
  let looks = 0;
  setBlockingRules({
    lookMs: beatMs,
    cancelled: () => {
      row.beat(monotonicMs());
      const exchange = pipeline.current();
      if (exchange === undefined) return undefined;
      pipeline.sweep(performance.now());
      looks = exchange === latest ? looks + 1 : 1;
      latest = exchange;
      const fd = descriptorOf(exchange.req.socket);
      const hasEnded = hasNative() && areHungUp([fd])[0] === true;
      const behindMs = (): number | undefined => endBehindLastByteMs(fd);
      if (hasEnded && !mayBeAnsweredWhileBlocked(exchange.connection, looks, performance.now(), behindMs)) {
        exchange.connection.hasLeft = true;
        exchange.abort("AbortError", "the client went away");
      }
      if (monotonicMs() >= row.lastCallMs) exchange.callOff(drainError());
      return exchange.abortReason;
    },
  });
}

function refuse(what: string, route: string | undefined): never {
  throw new HeddleError("AWAIT_SYNC_REFUSED", `${what} would hold up every other request on this event loop.`, {
    hint: `Await the task instead (\`await task(…)\`), or run the handler on a thread that may block (${offloadSetting(route)}).`,
  });
}
