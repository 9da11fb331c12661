/** oha: Rust, hyper on Tokio. Built from crates.io if it is missing, which takes some minutes. */
import { join } from "node:path";
import { reasonOf, run } from "../harness/processes.ts";
import { isOnPath } from "../harness/wrk.ts";
import { type Availability, PEERS_FOLDER } from "../peers/peer.ts";
import { type LoadGenerator, runProgram } from "./generator.ts";

const VERSION = "1.16.0";
const folder = join(PEERS_FOLDER, "oha");
const binary = join(folder, "bin/oha");
const BUILD_MS = 1_800_000;

interface Result {
  readonly summary: { readonly requestsPerSec: number };
  readonly latencyPercentiles: { readonly p50: number; readonly p99: number };
  readonly statusCodeDistribution: Readonly<Record<string, number>>;
  readonly errorDistribution: Readonly<Record<string, number>>;
}

/** Requests that are cut off because the time is over. */
const AT_THE_END = "aborted due to deadline";

export const oha: LoadGenerator = {
  name: "oha",
  install,
  async run(url, options) {
    const { connections, seconds, rate } = options;
    // With a rate it counts from the intended send time only if it is told to.
    const rates = rate === undefined ? [] : ["-q", String(rate), "--latency-correction"];
    const command = [
      binary,
      "-z",
      `${seconds}s`,
      "-c",
      String(connections),
      ...rates,
      "--no-tui",
      "--output-format",
      "json",
    ];
    const { output, cores } = await runProgram([...command, `${url}/`], options);
    const { summary, latencyPercentiles, statusCodeDistribution, errorDistribution } = JSON.parse(
      output.slice(output.indexOf("{")),
    ) as Result;
    const failed = { ...statusCodeDistribution, ...errorDistribution, "200": 0, [AT_THE_END]: 0 };
    return {
      requestsPerSecond: summary.requestsPerSec,
      cores,
      p50Ms: 1000 * latencyPercentiles.p50,
      p99Ms: 1000 * latencyPercentiles.p99,
      errors: Object.values(failed).reduce((sum, count) => sum + count, 0),
    };
  },
};

async function install(): Promise<Availability> {
  try {
    const installed = await run(binary, ["--version"]).catch(() => "none");
    if (!installed.includes(VERSION)) {
      if (!isOnPath("cargo")) return { available: false, reason: "cargo is missing (https://rustup.rs)" };
      await run("cargo", ["install", `oha@${VERSION}`, "--locked", "--root", folder], { timeoutMs: BUILD_MS });
    }
    return { available: true, version: VERSION };
  } catch (error) {
    return { available: false, reason: reasonOf(error) };
  }
}
