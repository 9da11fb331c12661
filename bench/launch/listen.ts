/**
 * One process with one event loop that serves BENCH_APP on PORT: bare node:http, a cluster worker, a PM2 instance.
 *
 *     BENCH_REUSE_PORT=1   bind with SO_REUSEPORT, so that several such processes share the port
 *     BENCH_GRACEFUL=1     stop as PM2's documentation recommends: stop accepting, finish, exit
 */
import type { AddressInfo } from "node:net";
import { loadApp } from "./app.ts";

const { server, onStop } = await loadApp(process.env["BENCH_APP"] ?? "");
server.listen(
  { host: "127.0.0.1", port: Number(process.env["PORT"] ?? 0), reusePort: process.env["BENCH_REUSE_PORT"] === "1" },
  () => console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`),
);
if (process.env["BENCH_GRACEFUL"] === "1") process.once("SIGINT", stopGracefully);

function stopGracefully(): void {
  // close() also closes the connections that are idle now; the rest get `connection: close` with their next response.
  server.close(() => process.exit(0));
  server.prependListener("request", (_request, response) => response.setHeader("connection", "close"));
  onStop();
}
