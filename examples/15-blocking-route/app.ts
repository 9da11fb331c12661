/** One line moves a slow synchronous route off the event loop. Everything else stays on it. */

import { execFileSync } from "node:child_process";
import { threadId } from "node:worker_threads";
import type { RouteSettings } from "../../src/index.ts"; // in your project: from "heddle"

export const routes: Readonly<Record<string, RouteSettings>> = {
  "GET /report/:seconds": { model: "threads", threads: 2, timeoutMs: 5000 },
};

export default {
  fetch(request: Request): Response {
    const [, name, seconds = "1"] = new URL(request.url).pathname.split("/");
    // Blocks its thread: on the event loop every other request would wait for it.
    if (name === "report") execFileSync("sleep", [String(Number(seconds))]);
    return Response.json({ name, threadId });
  },
};
