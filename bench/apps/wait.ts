/** Answers after a wait of `?ms=` (one second by default): many requests at once, no work. */
import type { IncomingMessage, ServerResponse } from "node:http";

const body = "Hello, world!\n";
const headers = { "content-type": "text/plain", "content-length": body.length };

export default function wait(request: IncomingMessage, response: ServerResponse): void {
  const ms = Number(/[?&]ms=(\d+)/.exec(request.url ?? "")?.[1] ?? 1000);
  setTimeout(() => response.writeHead(200, headers).end(body), ms);
}
