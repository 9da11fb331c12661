/** What the app's author knows about its routes. The operator's heddle.config.ts has the last word. */

import type { RouteSettings } from "../../src/index.ts"; // in your project: from "heddle"

export const routes: Readonly<Record<string, RouteSettings>> = {
  // At most 2 of these at once in a worker, at most 2 more waiting; the others are answered 503.
  "GET /report/:id": { limit: 2, queue: 2 },
};

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const ms = Number(searchParams.get("ms") ?? 0);
    await new Promise((resolve) => setTimeout(resolve, ms));
    return new Response(`${pathname} took ${ms} ms\n`);
  },
};
