import { setTimeout as sleep } from "node:timers/promises";
import { treeMemory } from "../harness/memory.ts";
import type { Scenario } from "../harness/scenario.ts";
import { wrk } from "../harness/wrk.ts";
import { bare } from "../peers/bare.ts";
import { cluster } from "../peers/cluster.ts";
import { go } from "../peers/go.ts";
import { heddle } from "../peers/heddle.ts";
import { benchApp } from "../peers/peer.ts";
import { pm2 } from "../peers/pm2.ts";
import { watt } from "../peers/watt.ts";

const app = benchApp("hello");
/** After the work is done, start-up garbage is collected and allocators return pages. This takes a moment. */
const SETTLE_MS = 2000;

export const memory: Scenario = {
  name: "memory",
  title: "Memory of the whole server",
  about:
    "Two event loops and the hello app. The sum over every process that belongs to the server (PM2's daemon, heddle's arbiter and the cluster's " +
    "primary included) from `/proc/<pid>/smaps_rollup`, two seconds after it first answers and two seconds after a hello load of " +
    "64 connections. RSS counts shared pages once per process, PSS shares them out, also with Node processes that are " +
    "not part of the server: the benchmark itself, and whatever else runs.",
  contenders: [
    { name: "heddle, 2 threads", peer: heddle, app, options: { loops: 2 } },
    { name: "heddle, 2 workers", peer: heddle, app, options: { loops: 2, as: "processes" } },
    { name: "bare, reusePort × 2", peer: bare, app, options: { loops: 2 } },
    { name: "node:cluster × 2", peer: cluster, app, options: { loops: 2 } },
    { name: "PM2 × 2", peer: pm2, app, options: { loops: 2 } },
    { name: "Watt × 2", peer: watt, app, options: { loops: 2 } },
    { name: "Go, GOMAXPROCS=2", peer: go, app, options: { loops: 2 } },
  ],
  atMostRounds: 2,
  metrics: [
    { key: "idleRssMiB", label: "idle RSS", unit: "MiB", digits: 0 },
    { key: "idlePssMiB", label: "idle PSS", unit: "MiB", digits: 0 },
    { key: "rssMiB", label: "RSS after load", unit: "MiB", digits: 0 },
    { key: "pssMiB", label: "PSS after load", unit: "MiB", digits: 0 },
    { key: "processes", label: "processes", unit: "", digits: 0 },
  ],
  targets: ["idleRssMiB", "rssMiB", "idlePssMiB", "pssMiB"].flatMap((metric) => [
    { metric, contender: "heddle, 2 threads", against: "Watt × 2", atMost: 0.45, over: "median" as const },
    { metric, contender: "heddle, 2 threads", against: "PM2 × 2", atMost: 0.6, over: "median" as const },
  ]),
  async measure(running, _contender, pace) {
    await sleep(SETTLE_MS);
    const idle = treeMemory(running.pids());
    await wrk(`${running.url}/`, { connections: 64, seconds: pace.seconds });
    await sleep(SETTLE_MS);
    const loaded = treeMemory(running.pids());
    return {
      metrics: {
        idleRssMiB: idle.rssMiB,
        idlePssMiB: idle.pssMiB,
        rssMiB: loaded.rssMiB,
        pssMiB: loaded.pssMiB,
        processes: loaded.processes,
      },
    };
  },
};
