/**
 * An app with a known knee: each request holds one of 2 permits for 10 ms, then waits for 40 ms. Alone on an event loop it gives 200
 * answers a second, and its knee is 10 requests in flight: 2 · (1 + 40 / 10). `/cpu` computes for 5 ms instead, so that it gives 200
 * answers a second as well, and its knee is 1. `/cost?x=3` makes the 10 and the 5 ms three times as long.
 */
import type { IncomingMessage, ServerResponse } from "node:http";

export const KNOWN = { permits: 2, holdMs: 10, waitMs: 40, computeMs: 5 } as const;

let cost = 1;
let free: number = KNOWN.permits;
const waiting: (() => void)[] = [];

export default function known(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? "/", "http://localhost");
  if (url.pathname === "/cost") {
    cost = Number(url.searchParams.get("x"));
    response.end("set\n");
  } else if (url.pathname === "/ready") {
    response.end("ready\n");
  } else if (url.pathname === "/cpu") {
    const until = performance.now() + KNOWN.computeMs * cost;
    while (performance.now() < until);
    response.end("done\n");
  } else if (free > 0) {
    free--;
    hold(response);
  } else {
    waiting.push(() => hold(response));
  }
}

function hold(response: ServerResponse): void {
  setTimeout(() => {
    const next = waiting.shift();
    if (next === undefined) free++;
    else next();
    setTimeout(() => response.end("done\n"), KNOWN.waitMs);
  }, KNOWN.holdMs * cost);
}
