/** Blocking style: where the language has no room for an `await`, the handler waits for asynchronous work all the same. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { awaitSync } from "../../src/tasks/index.ts"; // in your project: from "heddle/tasks"
import { lookUp } from "./texts.ts";

export default function page(req: IncomingMessage, res: ServerResponse): void {
  const { searchParams } = new URL(req.url ?? "/", "http://page");
  const template = searchParams.get("template") ?? "{greeting} {subject}";
  const ms = Number(searchParams.get("ms") ?? 20);
  try {
    // `replace` wants the text now. The handler's thread stands still meanwhile; it serves nobody else.
    const text = template.replaceAll(/\{(\w+)\}/g, (_, key: string) => awaitSync(lookUp, key, ms));
    res.end(`${text}\n`);
  } catch (error) {
    // Thrown by the task, on another thread.
    if (!(error instanceof RangeError)) throw error;
    res.writeHead(422).end(`${error.message}\n`);
  }
}
