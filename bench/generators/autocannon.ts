/** autocannon: Node, one thread. */
import { join } from "node:path";
import { npmInstall } from "../peers/npm-install.ts";
import { PEERS_FOLDER } from "../peers/peer.ts";
import { type LoadGenerator, runProgram } from "./generator.ts";

interface Result {
  readonly requests: { readonly average: number };
  readonly latency: { readonly p50: number; readonly p99: number };
  readonly errors: number;
  readonly non2xx: number;
}

export const autocannon: LoadGenerator = {
  name: "autocannon",
  install: () => npmInstall("autocannon", { autocannon: "9.0.0" }),
  async run(url, options) {
    const { connections, seconds, rate } = options;
    const program = join(PEERS_FOLDER, "autocannon/node_modules/autocannon/autocannon.js");
    const rates = rate === undefined ? [] : ["--overallRate", String(rate)];
    const args = [
      "--connections",
      String(connections),
      "--duration",
      String(seconds),
      ...rates,
      "--json",
      "--no-progress",
    ];
    const { output, cores } = await runProgram([process.execPath, program, ...args, `${url}/`], options);
    const { requests, latency, errors, non2xx } = JSON.parse(output.slice(output.indexOf("{"))) as Result;
    return {
      requestsPerSecond: requests.average,
      cores,
      p50Ms: latency.p50,
      p99Ms: latency.p99,
      errors: errors + non2xx,
    };
  },
};
