/** Reports that compute, then wait for a slow archive, then compute again. They say so, and two threads write any number of them. */

import { setTimeout as sleep } from "node:timers/promises";
import { reclassify, requestContext } from "../../src/index.ts";

export const routes = { "GET /report": { model: "threads", threads: 2, timeout: "5s" } };

let waiting = 0;
let most = 0;

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    return pathname === "/report" ? await report(request) : new Response("GET /report\n");
  },
};

async function report(request: Request): Promise<Response> {
  const rows = compute(1000);
  // It only waits from now on: its thread takes the next report meanwhile.
  await reclassify("tasks", request);
  const archived = await archive(rows, request);
  // It computes again, when its thread is free.
  await reclassify("threads", request);
  return Response.json({ archived, total: compute(archived), atOnce: most });
}

/** A slow service. It is not asked any longer than the request has time, or its client waits. */
async function archive(rows: number, request: Request): Promise<number> {
  most = Math.max(most, ++waiting);
  try {
    await sleep(300, undefined, { signal: requestContext(request).signal });
    return rows;
  } finally {
    waiting--;
  }
}

function compute(rows: number): number {
  let sum = 0;
  for (let i = 0; i <= rows; i++) sum += i;
  return sum % 1000;
}
