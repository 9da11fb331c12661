/** wrk: C, epoll, one thread. Closed loops only. */
import { parseWrk } from "../harness/wrk.ts";
import { aptInstall } from "../peers/apt-install.ts";
import { type LoadGenerator, runProgram } from "./generator.ts";

export const wrkGenerator: LoadGenerator = {
  name: "wrk",
  noRate: "it has no rate",
  install: () => aptInstall(["wrk"]),
  async run(url, options) {
    const { connections, seconds } = options;
    const command = ["wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", "10s", "--latency", `${url}/`];
    const { output, cores } = await runProgram(command, options);
    const { requestsPerSecond, latencyMs, errors, non2xx } = parseWrk(output);
    const { connect, read, write, timeout } = errors;
    const failed = connect + read + write + timeout + non2xx;
    return { requestsPerSecond, cores, p50Ms: latencyMs.p50, p99Ms: latencyMs.p99, errors: failed };
  },
};
