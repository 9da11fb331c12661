import type { IncomingMessage, ServerResponse } from "node:http";

/** The smallest app there is: a function that takes Node's own request and response. */
export default function hello(_req: IncomingMessage, res: ServerResponse): void {
  res.end("hello\n");
}
