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

export const helloKeepAlive: Scenario = {
  name: "hello-keepalive",
  title: "Hello world over keep-alive connections",
  about:
    "`wrk -t1 -c64`: 64 connections, each sends its next request when the last is answered. The app is a plain `(req, res)` function, " +
    "the same file for every Node peer.",
  standing: true,
  contenders: [
    { name: "bare × 1", peer: bare, app, options: { loops: 1 } },
    { name: "heddle, 1 thread", peer: heddle, app, options: { loops: 1 } },
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
    { metric, over, contender: "heddle, 1 thread", against: "bare × 1", atLeast: 0.97 },
    { metric, over, contender: "heddle, 2 threads", against: "bare, reusePort × 2", atLeast: 0.97 },
    { metric, over, contender: "heddle, 2 threads", against: "Watt × 2", moreThan: 1 },
    { metric, over, contender: "heddle, 2 threads", against: "PM2 × 2", moreThan: 1 },
  ],
  measure: (running, _contender, pace) => measureThroughput(running, pace, { connections: 64 }),
};
