import type { Scenario } from "../harness/scenario.ts";
import { bare } from "../peers/bare.ts";
import { cluster } from "../peers/cluster.ts";
import { go } from "../peers/go.ts";
import { heddle } from "../peers/heddle.ts";
import { benchApp } from "../peers/peer.ts";
import { pm2 } from "../peers/pm2.ts";
import { watt } from "../peers/watt.ts";
import { measureThroughput, THROUGHPUT_METRICS } from "./throughput.ts";

const app = benchApp("hello");
const metric = "requestsPerSecond";
const over = "median";

export const newConnections: Scenario = {
  name: "new-connections",
  title: "A new connection for every request",
  about:
    "`wrk -t1 -c64 -H 'Connection: close'`: 64 clients, each opens a connection, sends one request, and opens the next when the answer is " +
    "complete. What counts is accepting a connection and bringing it to the loop that serves it.",
  standing: true,
  contenders: [
    { name: "bare, reusePort × 2", peer: bare, app, options: { loops: 2 } },
    { name: "heddle, 2 threads", peer: heddle, app, options: { loops: 2 } },
    { name: "heddle, 2 workers", peer: heddle, app, options: { loops: 2, as: "processes" } },
    { name: "node:cluster × 2", peer: cluster, app, options: { loops: 2 } },
    { name: "PM2 × 2", peer: pm2, app, options: { loops: 2 } },
    { name: "Watt × 2", peer: watt, app, options: { loops: 2 } },
    { name: "Go, GOMAXPROCS=2", peer: go, app, options: { loops: 2 } },
  ],
  metrics: THROUGHPUT_METRICS,
  targets: [
    { metric, over, contender: "heddle, 2 threads", against: "PM2 × 2", atLeast: 2 },
    { metric, over, contender: "heddle, 2 threads", against: "bare, reusePort × 2", atLeast: 0.85 },
  ],
  measure: (running, _contender, pace) =>
    measureThroughput(running, pace, { connections: 64, headers: { connection: "close" } }),
};
