/** Status and threads as people read them. */

import { count } from "../errors/count.ts";
import type { LatencyStatus, ServerStatus } from "../server/control/status.ts";
import type { ThreadView } from "../server/worker/worker-protocol.ts";
import { type Cell, duration, table } from "./text.ts";
import { formatThreadUnits, formatUnits } from "./units.ts";

const PROTOCOLS = { https: "TLS", h2: "TLS and HTTP/2", h2c: "HTTP/2" } as const;

/** Of the processes that accept no connection for want of descriptors. */
function shortages({ pid, descriptors, workers }: ServerStatus): string[] {
  return [
    { who: `arbiter ${pid}`, descriptors },
    ...workers.map((worker) => ({ ...worker, who: `worker ${worker.pid}` })),
  ]
    .filter((each) => each.descriptors?.isFull)
    .map(({ who, descriptors: { open, limit } = { open: 0, limit: 0 } }) => {
      return `descriptors: ${who} is FULL, with ${open} of ${limit} open; new connections wait (raise ulimit -n or LimitNOFILE=)`;
    });
}

export function formatStatus(status: ServerStatus): string {
  const { counters, restarts } = status;
  const kind = [status.shape, status.protocol && `its own ${PROTOCOLS[status.protocol]}`].filter(Boolean).join(", ");
  const lines = [
    `${status.app}${kind === "" ? "" : ` (${kind})`} on ${status.urls.join(", ") || "nothing yet"}`,
    `${readiness(status)}, generation ${status.generation}, up ${duration(status.uptimeMs)}, arbiter ${status.pid}, ${mebibytes(status.rssBytes)} resident`,
    `restarts: ${count(restarts.workers, "worker")}, ${count(restarts.threads, "thread")}`,
    `requests: ${counters.finished} ended, ${counters.failed} failed, ${counters.timedOut} timed out, ${counters.shed} shed, ${counters.clientGone} abandoned by the client`,
  ];
  const sticky = Object.entries(status.sticky);
  if (sticky.length > 0) {
    const by = sticky.map(([route, mode]) => (route === "*" ? `by ${mode}` : `${route} by ${mode}`)).join(", ");
    lines.push(`sticky: ${by}; ${count(counters.forwarded, "request")} forwarded to their client's copy of the app`);
  }
  const { lastReload, shared } = status;
  if (shared !== undefined && shared.operations > 0) {
    lines.push(
      `shared: ${count(shared.entries, "entry", "entries")}, ${mebibytes(shared.bytes)} of ${mebibytes(shared.maxBytes)}, ${shared.evictions} evicted (${shared.evictedCounters} of them counters)`,
    );
  }
  if (shared !== undefined && (shared.messages.published > 0 || shared.messages.subscriptions > 0)) {
    const { channels, subscriptions, published, sent, dropped } = shared.messages;
    lines.push(
      `messages: ${published} published, ${sent} sent to ${count(subscriptions, "subscription")} of ${count(channels, "channel")}, ${dropped} dropped`,
    );
  }
  if (counters.droppedMessages + counters.closedSlow > 0) {
    lines.push(
      `websockets: ${count(counters.droppedMessages, "message")} not sent to slow clients, ${count(counters.closedSlow, "slow client")} closed`,
    );
  }
  if (status.actors.workers > 0) {
    lines.push(
      `actors: those of ${count(status.actors.workers, "worker")} reach each other, by ${count(status.actors.names, "name")}`,
    );
  }
  lines.push(...shortages(status));
  if (lastReload !== undefined) {
    const outcome = lastReload.ok ? "succeeded" : `FAILED: ${lastReload.error?.message ?? ""}`;
    lines.push(`last reload: generation ${lastReload.generation} at ${lastReload.at} ${outcome}`);
  }
  lines.push(
    "",
    table(
      ["MODEL", "IN FLIGHT", "QUEUED"],
      Object.entries(status.models).map(([model, { inFlight, queued }]) => [model, inFlight, queued]),
    ),
    "",
    table(
      ["LATENCY (ms)", "COUNT", "P50", "P95", "P99", "LAST 10-20 s", "P50", "P95", "P99"],
      [latencyRow("handler", status.handler), latencyRow("queue", status.queue)],
    ),
    "",
    table(
      [
        "WORKER",
        "GEN",
        "STATE",
        "UP",
        "RSS",
        "THREAD",
        "STATE",
        "CONNECTIONS",
        "IN FLIGHT",
        "QUEUED",
        "WEBSOCKETS",
        "LOOP BUSY",
      ],
      status.workers.flatMap((worker) => {
        const own = [
          worker.pid,
          worker.generation,
          worker.state,
          duration(worker.uptimeMs),
          mebibytes(worker.rssBytes),
        ];
        if (worker.threads.length === 0) return [[...own, "", "", "", "", "", "", ""]];
        return worker.threads.map((thread, i) => [
          ...(i === 0 ? own : ["", "", "", "", ""]),
          thread.isMain ? "main" : thread.index,
          thread.blocked ? "BLOCKED" : thread.state,
          thread.connections,
          thread.inFlight,
          thread.queued,
          thread.webSockets,
          `${Math.round(thread.utilisation * 100)} %`,
        ]);
      }),
    ),
  );
  const pools = status.workers.flatMap((worker) => worker.pools.map((pool) => ({ worker, pool })));
  if (pools.length > 0) {
    lines.push(
      "",
      table(
        ["WORKER", "HANDLER POOL", "MODEL", "THREADS", "MIN", "MAX", "BUSY", "IN FLIGHT", "QUEUED"],
        pools.map(({ worker, pool }) => [
          worker.pid,
          pool.name,
          pool.model,
          pool.threads,
          pool.min,
          pool.max,
          pool.busy,
          pool.inFlight,
          pool.queued,
        ]),
      ),
    );
  }
  const limits = status.workers.flatMap((worker) => worker.limits.map((limit) => ({ worker, limit })));
  if (limits.length > 0) {
    lines.push(
      "",
      table(
        [
          "WORKER",
          "ADAPTIVE LIMIT OF",
          "LIMIT",
          "MAX",
          "IN FLIGHT",
          "WAITING",
          "BASELINE ms",
          "ANSWERS/s",
          "QUEUE",
          "SHED: FULL",
          "TIMED OUT",
          "DELAYED",
        ],
        limits.map(({ worker, limit }) => [
          worker.pid,
          limit.route === "*" ? "the server" : limit.route,
          limit.limit,
          limit.max,
          limit.inFlight,
          limit.waiting,
          limit.baselineMs ?? "",
          limit.answersPerSecond,
          limit.queue,
          limit.shed.queueFull,
          limit.shed.timedOut,
          limit.shed.delayed,
        ]),
      ),
    );
  }
  if (status.units !== undefined) lines.push("", ...formatUnits(status.units));
  return lines.join("\n");
}

export function formatThreads(threads: readonly ThreadView[]): string {
  return threads
    .map((thread) => {
      if (thread.state === "silent") return `worker ${thread.worker}: does not answer`;
      const state = thread.blockedMs > 0 ? `BLOCKED for ${duration(thread.blockedMs)}` : thread.state;
      const name = kindOf(thread);
      const head = `worker ${thread.worker} ${name} ${thread.thread}: ${state}, ${count(thread.exchanges.length, "request")}`;
      const exchanges = thread.exchanges.map(
        ({ model, method, url, state, forMs, route, id }) =>
          `  ${model}  ${method} ${url}  ${state} for ${duration(forMs)}  (route ${route}, ${id})`,
      );
      const units = thread.units === undefined ? [] : formatThreadUnits(thread.units);
      return [head, ...exchanges, ...(thread.stack ? [thread.stack] : []), ...units].join("\n");
    })
    .join("\n");
}

function kindOf({ pool, role }: ThreadView): string {
  if (role !== undefined) return `${role} thread`;
  return pool === undefined ? "thread" : `handler pool ${pool}, thread`;
}

function readiness({ ready, stopping, stopsInMs }: ServerStatus): string {
  if (stopsInMs !== undefined) return `serving, stops in ${Math.ceil(stopsInMs / 1000)} s (--stop-delay)`;
  return ready ? "ready" : stopping ? "stopping" : "not ready";
}

function latencyRow(name: string, { sinceStart, window }: LatencyStatus): Cell[] {
  return [name, sinceStart.count, ...percentiles(sinceStart), window.count, ...percentiles(window)];
}

function percentiles({ p50Ms, p95Ms, p99Ms }: LatencyStatus["window"]): string[] {
  return [p50Ms, p95Ms, p99Ms].map((ms) => (ms === null ? "-" : ms.toFixed(ms < 10 ? 2 : 0)));
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}
