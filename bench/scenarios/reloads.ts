import { setTimeout as sleep } from "node:timers/promises";
import type { Pace, Sample, Scenario } from "../harness/scenario.ts";
import { type Kind, type LoadReport, startMixedLoad } from "../mixed/start.ts";
import { heddle } from "../peers/heddle.ts";
import { benchApp, type RunningPeer } from "../peers/peer.ts";
import { pm2 } from "../peers/pm2.ts";
import { watt } from "../peers/watt.ts";

const app = benchApp("mixed");
const RELOADS = 10;
const CLIENTS = { keepAlive: 16, newConnections: 8, uploads: 8, slow: 8, streams: 8, webSockets: 8 };

export const reloads: Scenario = {
  name: "reloads",
  title: "Ten reloads under load",
  about:
    "Ten reloads, half a second apart, under a constant mixed load: 16 keep-alive clients, 8 with a new connection per request, 8 uploads that " +
    "trickle over 450 ms, 8 requests for a slow answer (300 ms), 8 for a streamed one (500 ms), 8 WebSockets with an echo every " +
    "100 ms. *Failed* is every request without a complete, correct 2xx answer, and every WebSocket that ends without a goodbye. " +
    "*Retried* are requests a client may send again by RFC 9112 §9.3.1, because a reused connection closed before any byte of the " +
    "answer. *Old code after* counts, of 8 probes after each reload, those that the old code still answered. Every app says goodbye to its WebSockets when it is told to stop. PM2 appears twice: with the app as it is, and " +
    "with the shutdown code its documentation asks for (on SIGINT stop accepting, finish, exit).",
  contenders: [
    { name: "heddle, 2 threads", peer: heddle, app, options: { loops: 2 } },
    { name: "heddle, 2 workers", peer: heddle, app, options: { loops: 2, as: "processes" } },
    { name: "PM2 × 2", peer: pm2, app, options: { loops: 2 } },
    { name: "PM2 × 2, graceful app", peer: pm2, app, options: { loops: 2, graceful: true } },
    { name: "Watt × 2", peer: watt, app, options: { loops: 2 } },
  ],
  leftOut: {
    "node:cluster": "it has no reload of its own",
    "bare node:http": "it has no reload",
    Go: "net/http has no reload",
  },
  atMostRounds: 1,
  metrics: [
    { key: "requests", label: "requests", unit: "", digits: 0 },
    { key: "failed", label: "failed", unit: "", digits: 0 },
    { key: "keepAlive", label: "keep-alive", unit: "", digits: 0 },
    { key: "newConnections", label: "new connections", unit: "", digits: 0 },
    { key: "uploads", label: "uploads", unit: "", digits: 0 },
    { key: "slow", label: "slow", unit: "", digits: 0 },
    { key: "streams", label: "streams", unit: "", digits: 0 },
    { key: "webSockets", label: "WebSockets", unit: "", digits: 0 },
    { key: "retried", label: "retried", unit: "", digits: 0 },
    { key: "longestGapMs", label: "longest silence", unit: "ms", digits: 0 },
    { key: "stale", label: "old code after", unit: "", digits: 0 },
    { key: "reloadMs", label: "one reload", unit: "ms", digits: 0 },
  ],
  targets: ["heddle, 2 threads", "heddle, 2 workers"].flatMap((contender) =>
    ["failed", "retried"].map((metric) => ({ metric, contender, atMost: 0, over: "every round" as const })),
  ),
  measure: (running, _contender, pace) => measure(running, pace),
};

async function measure(running: RunningPeer, pace: Pace): Promise<Sample> {
  if (running.reload === undefined) throw new Error("it has no reload");
  const count = pace.quick ? 2 : RELOADS;
  const load = startMixedLoad({ url: running.url, ...CLIENTS, rampMs: 500, maxDurationMs: 300_000 });
  await load.ready;
  await sleep(500);
  let reloadMs = 0;
  let stale = 0;
  try {
    for (let reload = 1; reload <= count; reload++) {
      const before = await instances(running.url);
      await load.mark(`reload ${reload}`);
      const startedAt = performance.now();
      await running.reload();
      reloadMs += (performance.now() - startedAt) / count;
      stale += await countStale(running.url, before);
      await sleep(500);
    }
  } catch (error) {
    await load.stop();
    throw error;
  }
  await sleep(500);
  const report = await load.stop();
  const byKind = Object.fromEntries(
    Object.entries(report.kinds).map(([kind]) => [kind, failedOf(report, kind as Kind)]),
  );
  return {
    metrics: {
      requests: report.ok + report.failed,
      failed: report.failed,
      ...byKind,
      retried: report.retried,
      longestGapMs: report.longestGapMs,
      stale,
      reloadMs,
    },
    // The first ones show what went wrong; the counts have them all.
    detail: { ...report, failures: report.failures.slice(0, 20) },
  };
}

/** Enough to meet every loop of a server that spreads connections. */
const PROBES = 8;

/** Which loads of the app answer now; each probe is a connection of its own. */
async function instances(url: string): Promise<string[]> {
  const probes = Array.from({ length: PROBES }, async () => {
    const response = await fetch(`${url}/instance`, {
      headers: { connection: "close" },
      signal: AbortSignal.timeout(10_000),
    });
    return response.text();
  });
  const answers = await Promise.allSettled(probes);
  return answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
}

/** A reload that says it is done and has left all the old code in place would lose no request, and be none. */
async function countStale(url: string, before: readonly string[]): Promise<number> {
  const after = await instances(url);
  const stale = after.filter((instance) => before.includes(instance)).length;
  if (after.length > 0 && stale === after.length) throw new Error("after the reload only the old code answers");
  return stale;
}

function failedOf(report: LoadReport, kind: Kind): number {
  return Object.values(report.kinds[kind]?.failed ?? {}).reduce((sum, count) => sum + count, 0);
}
