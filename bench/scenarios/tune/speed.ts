import type { Scenario } from "../../harness/scenario.ts";
import { contendersAgainst, generatorOf, GENERATORS, nullServer } from "./generators.ts";

const CONNECTIONS = 64;

export const generatorSpeed: Scenario = {
  name: "generator-speed",
  title: "Requests that a load generator sends per second of CPU",
  about:
    `${CONNECTIONS} keep-alive connections in a closed loop, against a server that does nothing: a Go program that answers each request with the ` +
    "same bytes. Generator and server have a core each. What counts is the requests for each second of CPU time that the generator " +
    "used: the server may be what limits the requests a second. A program's start is left out.",
  contenders: contendersAgainst(GENERATORS, nullServer),
  metrics: [
    { key: "requestsPerCore", label: "requests per second of CPU", unit: "1/s", digits: 0 },
    { key: "requestsPerSecond", label: "requests", unit: "1/s", digits: 0 },
    { key: "cores", label: "cores used", unit: "", digits: 2 },
    { key: "errors", label: "errors", unit: "", digits: 0 },
  ],
  targets: [
    { metric: "requestsPerCore", over: "median", contender: "heddle", against: "wrk", atLeast: 0.6 },
    { metric: "requestsPerCore", over: "median", contender: "heddle", against: "autocannon", atLeast: 3 },
  ],
  async measure(running, contender, { seconds }) {
    const run = await generatorOf(contender).run(running.url, { connections: CONNECTIONS, seconds });
    const { requestsPerSecond, cores, errors } = run;
    return {
      metrics: { requestsPerCore: requestsPerSecond / cores, requestsPerSecond, cores, errors },
      detail: run,
    };
  },
};
