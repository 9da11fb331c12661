/**
 * Preloaded into an application: what tracing libraries hook into. Appends a line to the file `MONITOR_FILE` each time that a request
 * passes `http.Server.prototype.emit` and the diagnostics channel `http.server.request.start`.
 */

import { subscribe } from "node:diagnostics_channel";
import { appendFileSync } from "node:fs";
import { type IncomingMessage, Server } from "node:http";

const file = process.env["MONITOR_FILE"];

function seen(by: string, request: IncomingMessage): void {
  const number = request.headers["x-matrix-request"];
  if (file !== undefined && typeof number === "string") appendFileSync(file, `${number} ${by}\n`);
}

// Called with its own `this` below.
// oxlint-disable-next-line typescript/unbound-method
const emit = Server.prototype.emit;

Server.prototype.emit = function (this: Server, ...args: Parameters<typeof emit>): boolean {
  if (args[0] === "request") seen("emit", args[1] as IncomingMessage);
  return emit.apply(this, args);
} as typeof emit;

subscribe("http.server.request.start", (message) => seen("channel", (message as { request: IncomingMessage }).request));
