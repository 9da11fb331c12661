/** Liveness and readiness, answered by the arbiter from the acceptors' heartbeats: neither a blocked loop nor the app can
 * delay or fake them.
 *
 * - `/readyz`: 200 while at least one worker serves and has a serving thread whose loop turns; 503 while booting, while
 *   stopping, and while every thread is blocked.
 * - `/livez`: 200 as long as the arbiter hears from a worker or is starting one. A blocked app is not dead: heddle kills
 *   and replaces the thread itself at --timeout.
 */

import type { Server, ServerResponse } from "node:http";
import type { Arbiter } from "../arbiter/arbiter.ts";
import { HeddleError } from "../../errors/errors.ts";
import { http } from "../../platform/http.ts";
import { keepToItself } from "../../platform/node-internals/connections.ts";

export function answerHealth(arbiter: Arbiter, path: string, res: ServerResponse): void {
  const [key, ok] = path === "/livez" ? (["live", arbiter.live] as const) : (["ready", arbiter.ready] as const);
  const body = { [key]: ok, generation: arbiter.generation, ...(arbiter.stopping ? { stopping: true } : {}) };
  res
    .writeHead(ok ? 200 : 503, { "content-type": "application/json", "cache-control": "no-store" })
    .end(`${JSON.stringify(body)}\n`);
}

/** Answers on a TCP port of its own, for probes that can't reach the control socket. @throws HeddleError LISTEN_FAILED */
export function openHealthPort(
  arbiter: Arbiter,
  host: string,
  port: number,
): Promise<{ readonly url: string; close(): void }> {
  const server: Server = http.createServer((req, res) => {
    const path = (req.url ?? "/").split("?", 1)[0]!;
    if (path === "/livez" || path === "/readyz") answerHealth(arbiter, path, res);
    else res.writeHead(404, { "content-type": "text/plain" }).end("/livez and /readyz are here\n");
  });
  // Not the app's requests.
  keepToItself(server);
  return new Promise((resolve, reject) => {
    // After it listens, rejecting has no effect. A connection that could not be accepted is a failed probe.
    server.on("error", (cause) => {
      const message = `cannot listen on ${host}:${port} for --health-port: ${cause.message}`;
      reject(new HeddleError("LISTEN_FAILED", message, { cause }));
    });
    server.listen(port, host, () => {
      const address = server.address() as { port: number };
      resolve({
        url: `http://${host.includes(":") ? `[${host}]` : host}:${address.port}`,
        close: () => {
          server.close();
          server.closeAllConnections();
        },
      });
    });
  });
}
