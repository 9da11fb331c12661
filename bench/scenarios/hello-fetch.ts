import type { Scenario } from "../harness/scenario.ts";
import { bare } from "../peers/bare.ts";
import { heddle } from "../peers/heddle.ts";
import { benchApp } from "../peers/peer.ts";
import { measureThroughput, THROUGHPUT_METRICS } from "./throughput.ts";

const hello = benchApp("hello");
const helloFetch = benchApp("hello-fetch");

export const helloFetchKeepAlive: Scenario = {
  name: "hello-fetch",
  title: "Hello world as a fetch handler",
  about:
    "The same load. Under heddle the app is `export default { fetch }` and returns a `new Response`; the reference is the plain `(req, res)` " +
    "function on bare node:http, so the ratio is what the Fetch API costs on top of everything else.",
  standing: true,
  contenders: [
    { name: "bare × 1", peer: bare, app: hello, options: { loops: 1 } },
    { name: "heddle fetch, 1 thread", peer: heddle, app: helloFetch, options: { loops: 1 } },
    { name: "bare, reusePort × 2", peer: bare, app: hello, options: { loops: 2 } },
    { name: "heddle fetch, 2 threads", peer: heddle, app: helloFetch, options: { loops: 2 } },
  ],
  metrics: THROUGHPUT_METRICS,
  targets: [
    {
      metric: "requestsPerSecond",
      over: "median",
      contender: "heddle fetch, 1 thread",
      against: "bare × 1",
      atLeast: 0.85,
    },
    {
      metric: "requestsPerSecond",
      over: "median",
      contender: "heddle fetch, 2 threads",
      against: "bare, reusePort × 2",
      atLeast: 0.85,
    },
  ],
  measure: (running, _contender, pace) => measureThroughput(running, pace, { connections: 64 }),
};
