/** How exact a load generator's p99 is when it is driven by a rate, on servers whose latencies are known. */
import type { Metric, Pace, Sample, Scenario } from "../../harness/scenario.ts";
import type { Contender } from "../../harness/scenario.ts";
import type { RunningPeer } from "../../peers/peer.ts";
import { contendersAgainst, generatorOf, GENERATORS, latencyServer, WITHOUT_RATE } from "./generators.ts";

const RATE = 500;
const CONNECTIONS = 100;
/** A multiple of the stalling server's period, long enough for a p99 of 100 requests. */
const SECONDS = 20;
const QUICK_SECONDS = 4;
const rateDriven = GENERATORS.filter(({ noRate }) => noRate === undefined);

const METRICS: readonly Metric[] = [
  { key: "errorPercent", label: "error of p99", unit: "%", digits: 2 },
  { key: "p99Ms", label: "p99 told", unit: "ms", digits: 2 },
  { key: "truthMs", label: "p99 true", unit: "ms", digits: 2 },
  { key: "requestsPerSecond", label: "requests", unit: "1/s", digits: 0 },
  { key: "errors", label: "errors", unit: "", digits: 0 },
];

const TARGETS: Scenario["targets"] = [{ metric: "errorPercent", over: "median", contender: "heddle", atMost: 2 }];

async function drive(
  running: RunningPeer,
  contender: Contender,
  { quick }: Pace,
  truthOf: () => number | Promise<number>,
): Promise<Sample> {
  const seconds = quick ? QUICK_SECONDS : SECONDS;
  const run = await generatorOf(contender).run(running.url, { connections: CONNECTIONS, seconds, rate: RATE });
  const truthMs = await truthOf();
  const { p99Ms, requestsPerSecond, errors } = run;
  const errorPercent = (100 * Math.abs(p99Ms - truthMs)) / truthMs;
  return { metrics: { errorPercent, p99Ms, truthMs, requestsPerSecond, errors }, detail: run };
}

export const latencyError: Scenario = {
  name: "latency-error",
  title: "Error of p99, driven by a rate",
  about:
    `${RATE} requests a second for ${SECONDS} s, at most ${CONNECTIONS} connections where there is such a limit. The server's latencies are log-normal, ` +
    "with a median of 40 ms and a p99 of 101 ms, in an order in which any few thousand have the same percentiles. The true p99 is what " +
    "the server itself measured, from the read of a request to the write of its answer.",
  atMostRounds: 3,
  contenders: contendersAgainst(rateDriven, latencyServer("lognormal")),
  metrics: METRICS,
  targets: TARGETS,
  leftOut: WITHOUT_RATE,
  measure: (running, contender, pace) =>
    drive(running, contender, pace, async () => {
      const response = await fetch(`${running.url}/truth`);
      return ((await response.json()) as { readonly p99Ms: number }).p99Ms;
    }),
};

/** Of arrivals at a constant rate 15 % fall into a stall, evenly over its 300 ms: 1 % wait longer than 280 ms. */
const STALLED_P99_MS = 280;

export const coordinatedOmission: Scenario = {
  name: "coordinated-omission",
  title: "Error of p99 when the server stalls",
  about:
    `${RATE} requests a second for ${SECONDS} s. In the first 300 ms of every 2 s the server answers nothing, else at once: of requests at a ` +
    `constant rate 15 % wait, and p99 is ${STALLED_P99_MS} ms by construction. A generator that stops to send while it waits for answers sees few ` +
    "of these waits.",
  atMostRounds: 3,
  contenders: contendersAgainst(rateDriven, latencyServer("stall")),
  metrics: METRICS,
  targets: TARGETS,
  leftOut: WITHOUT_RATE,
  measure: (running, contender, pace) => drive(running, contender, pace, () => STALLED_P99_MS),
};
