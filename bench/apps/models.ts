/**
 * One handler for each kind of work in which the models differ.
 *
 *     GET /             at once
 *     GET /block?ms=    blocks its thread, as a synchronous library does; answers `<pid> <start ns> <end ns>`
 *     GET /cpu?ms=      uses this much CPU time of its own thread. Waiting for a core does not count, so serial work can't look
 *                       parallel. The kernel counts in ticks here (4 ms), so 10 ms become 12
 *     GET /wait?ms=     waits without blocking
 *     GET /forever      never ends
 */
import type { IncomingMessage, ServerResponse } from "node:http";

const cell = new Int32Array(new SharedArrayBuffer(4));

export default function models(request: IncomingMessage, response: ServerResponse): void {
  const [path, query = ""] = (request.url ?? "/").split("?", 2);
  const ms = Number(/\bms=(\d+)/.exec(query)?.[1] ?? 0);
  switch (path) {
    case "/block": {
      const start = process.hrtime.bigint();
      Atomics.wait(cell, 0, 0, ms);
      return answer(response, `${process.pid} ${start} ${process.hrtime.bigint()}\n`);
    }
    case "/cpu":
      compute(ms);
      break;
    case "/wait":
      setTimeout(() => answer(response, "waited\n"), ms);
      return;
    case "/forever":
      for (;;);
  }
  return answer(response, "Hello, world!\n");
}

function compute(ms: number): void {
  const start = process.threadCpuUsage();
  let state = 1;
  for (;;) {
    for (let step = 0; step < 20_000; step++) state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    const { user, system } = process.threadCpuUsage(start);
    if (user + system >= ms * 1000 && state !== 0) return;
  }
}

function answer(response: ServerResponse, body: string): void {
  response.writeHead(200, { "content-type": "text/plain", "content-length": Buffer.byteLength(body) }).end(body);
}
