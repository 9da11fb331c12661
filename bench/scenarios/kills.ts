import { setTimeout as sleep } from "node:timers/promises";
import { killIfThere } from "../harness/proc.ts";
import type { Pace, Sample, Scenario } from "../harness/scenario.ts";
import { startMixedLoad } from "../mixed/start.ts";
import { cluster } from "../peers/cluster.ts";
import { heddle } from "../peers/heddle.ts";
import { benchApp, type RunningPeer } from "../peers/peer.ts";
import { pm2 } from "../peers/pm2.ts";

const app = benchApp("mixed");
const KILLS = 20;

export const kills: Scenario = {
  name: "kills",
  title: "A worker killed every second",
  about:
    "`kill -9` of one worker process a second, 20 times, under 64 keep-alive clients. *Lost* are requests that failed or had to be sent again; " +
    "*beyond in flight* are those of them that the killed process cannot have had, as it served fewer connections (the client knows: every " +
    "answer names its process). *Refused* are connections that nobody accepted. Where no " +
    "worker was running at the second, none was killed.",
  contenders: [
    { name: "heddle, 2 workers", peer: heddle, app, options: { loops: 2, as: "processes" } },
    { name: "heddle, 2 threads", peer: heddle, app, options: { loops: 2 } },
    { name: "node:cluster × 2, re-forking", peer: cluster, app, options: { loops: 2 } },
    { name: "PM2 × 2", peer: pm2, app, options: { loops: 2 } },
  ],
  leftOut: {
    Watt: "its workers are threads of one process, so there is no worker process to kill",
    "bare node:http": "nobody starts it again",
    Go: "nobody starts it again",
  },
  atMostRounds: 2,
  metrics: [
    { key: "requests", label: "requests", unit: "", digits: 0 },
    { key: "killed", label: "killed", unit: "", digits: 0 },
    { key: "lost", label: "lost", unit: "", digits: 0 },
    { key: "lostPerKill", label: "lost per kill", unit: "", digits: 1 },
    { key: "beyondInFlight", label: "beyond in flight", unit: "", digits: 0 },
    { key: "refused", label: "refused", unit: "", digits: 0 },
    { key: "longestGapMs", label: "longest silence", unit: "ms", digits: 0 },
    { key: "p99Ms", label: "p99", unit: "ms", digits: 1 },
  ],
  targets: ["heddle, 2 workers", "heddle, 2 threads"].flatMap((contender) =>
    ["beyondInFlight", "refused"].map((metric) => ({ metric, contender, atMost: 0, over: "every round" as const })),
  ),
  measure: (running, _contender, pace) => measure(running, pace),
};

async function measure(running: RunningPeer, pace: Pace): Promise<Sample> {
  const count = pace.quick ? 3 : KILLS;
  const load = startMixedLoad({ url: running.url, keepAlive: 64, pauseMs: 0, rampMs: 500, maxDurationMs: 120_000 });
  await load.ready;
  await sleep(500);
  let killed = 0;
  for (let kill = 0; kill < count; kill++) {
    const workers = running.workerPids();
    const victim = workers[kill % Math.max(1, workers.length)];
    await load.mark(`kill ${kill + 1}`, String(victim));
    if (victim !== undefined && killIfThere(victim, "SIGKILL")) killed++;
    await sleep(1000);
  }
  const report = await load.stop();
  const lost = report.failed + report.retried;
  return {
    metrics: {
      requests: report.ok + report.failed,
      lost,
      killed,
      lostPerKill: lost / Math.max(1, killed),
      beyondInFlight: report.windows.reduce((sum, each) => sum + Math.max(0, each.lost - each.heldByWorker), 0),
      refused: report.kinds.keepAlive?.failed.refused ?? 0,
      longestGapMs: report.longestGapMs,
      p99Ms: report.kinds.keepAlive?.latencyMs.p99 ?? Number.NaN,
    },
    // The first failures show what went wrong. The counts include all.
    detail: { ...report, failures: report.failures.slice(0, 20) },
  };
}
