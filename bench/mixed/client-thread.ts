/** The thread of all simulated clients, so that the starter's work never delays them. */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { HttpClient } from "./http-client.ts";
import { DEFAULT_PATHS, type HttpKind, requestOf } from "./kinds.ts";
import type { FromClient, LoadOptions, ToClient } from "./protocol.ts";
import { KINDS, Tally } from "./report.ts";
import { WebSocketClient } from "./web-socket-client.ts";

const options = workerData as LoadOptions;
const { pauseMs = 5, rampMs = 100, timeoutMs = 10_000, maxDurationMs = 120_000 } = options;
const tally = new Tally();
const stopping = new AbortController();
const clients = KINDS.flatMap((kind) => Array.from({ length: options[kind] ?? 0 }, () => createClient(kind)));

parentPort?.on("message", (message: ToClient) => {
  if (message.type === "stop") stop();
  else mark(message);
});
const limit = setTimeout(stop, maxDurationMs);
const utilization = performance.eventLoopUtilization();
await Promise.all(clients.map((client, index) => begin(client, (index * rampMs) / clients.length)));
clearTimeout(limit);
tell({ type: "done", report: tally.report(performance.eventLoopUtilization(utilization).utilization) });
parentPort?.close();

function stop(): void {
  tally.stopping();
  stopping.abort();
}

async function begin(client: HttpClient | WebSocketClient, afterMs: number): Promise<void> {
  await sleep(afterMs);
  if (client === clients.at(-1)) tell({ type: "ready" });
  await client.run(stopping.signal);
}

function createClient(kind: (typeof KINDS)[number]): HttpClient | WebSocketClient {
  if (kind === "webSockets") {
    return new WebSocketClient(options.wsUrl ?? `${options.url.replace(/^http/, "ws")}/ws`, timeoutMs, tally);
  }
  const { hostname, port, host } = new URL(options.url);
  const settings = { host: hostname, port: Number(port), timeoutMs, pauseMs };
  return new HttpClient(requestOf(kind, host, pathOf(kind)), settings, tally);
}

function pathOf(kind: HttpKind): string {
  return options.paths?.[kind] ?? DEFAULT_PATHS[kind];
}

function mark({ id, label, worker }: Extract<ToClient, { type: "mark" }>): void {
  const inFlight = clients.filter((client) => client.inFlight).length;
  const held = clients.filter((client) => client.worker === "" || client.worker === worker).length;
  tell({ type: "marked", id, window: tally.mark(label, inFlight, held) });
}

function tell(message: FromClient): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(message);
}
