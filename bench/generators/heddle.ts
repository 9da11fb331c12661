/** The load generator of `heddle tune`. */
import { startGenerator } from "../../src/tune/load/generator.ts";
import { parsePath } from "../../src/tune/scenario/scenario.ts";
import { cpuSeconds } from "../harness/proc.ts";
import { cores, type LoadGenerator } from "./generator.ts";

const WARM_UP_SECONDS = 1;

export const heddleGenerator: LoadGenerator = {
  name: "heddle",
  install: async () => ({ available: true, version: process.version }),
  async run(url, { connections, seconds, rate }) {
    const own = cores();
    const generator = await startGenerator(own === undefined ? {} : { cpu: own.generator });
    try {
      const { hostname, port } = new URL(url);
      const sample = await generator.run({
        target: { host: hostname, port: Number(port) },
        scenario: { requests: [parsePath("/")], setup: [] },
        loop: rate === undefined ? { concurrency: connections } : { rate },
        warmUpSeconds: WARM_UP_SECONDS,
        seconds,
        serverCpuSeconds: () => cpuSeconds(generator.pid),
      });
      return {
        requestsPerSecond: sample.throughput,
        cores: (sample.serverCpuSeconds ?? Number.NaN) / seconds,
        p50Ms: sample.latency.p50Ms,
        p99Ms: sample.latency.p99Ms,
        errors: sample.errors,
      };
    } finally {
      await generator.close();
    }
  },
};
