/** Code that nobody has read: each request gets a thread, a heap and module state of its own, and they end with it. */

import { text } from "node:stream/consumers";
import type { IncomingMessage, ServerResponse } from "node:http";
import { runInNewContext } from "node:vm";

let requests = 0;

export default async function evaluate(req: IncomingMessage, res: ServerResponse): Promise<void> {
  requests++;
  const source = await text(req);
  try {
    const value: unknown = runInNewContext(source, { requests });
    res.end(`${String(value)}\n`);
  } catch (error) {
    res.writeHead(422).end(`${String(error)}\n`);
  }
}
