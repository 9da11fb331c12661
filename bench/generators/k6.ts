/** k6: Go, net/http, and a script in each client. Built with the Go module proxy if it is missing, which takes some minutes. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportK6, parsePath } from "../../src/tune/scenario/scenario.ts";
import { onCleanup } from "../harness/cleanup.ts";
import { reasonOf, run } from "../harness/processes.ts";
import { type Availability, PEERS_FOLDER } from "../peers/peer.ts";
import { type LoadGenerator, runProgram } from "./generator.ts";

const VERSION = "v1.8.1";
const folder = join(PEERS_FOLDER, "k6");
export const k6Binary: string = join(folder, "k6");
const BUILD_MS = 1_800_000;

interface Summary {
  readonly metrics: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export const k6: LoadGenerator = {
  name: "k6",
  install: installK6,
  async run(url, options) {
    const { connections, seconds, rate } = options;
    const place = await mkdtemp(join(tmpdir(), "heddle-k6-"));
    const forget = onCleanup(() => rm(place, { recursive: true, force: true }));
    try {
      const [script, summary] = [join(place, "script.js"), join(place, "summary.json")];
      const loop = rate === undefined ? { concurrency: connections } : { rate };
      const scenario = { requests: [parsePath("/")], setup: [] };
      await writeFile(script, exportK6(scenario, [{ ...loop, seconds }], { baseUrl: url }));
      const command = [k6Binary, "run", "--summary-export", summary, "--no-color", script];
      const { cores } = await runProgram(command, options);
      const { metrics } = JSON.parse(await readFile(summary, "utf8")) as Summary;
      const durations = metrics["http_req_duration"];
      return {
        requestsPerSecond: metrics["http_reqs"]?.["rate"] ?? Number.NaN,
        cores,
        p50Ms: durations?.["med"] ?? Number.NaN,
        p99Ms: durations?.["p(99)"] ?? Number.NaN,
        errors: metrics["http_req_failed"]?.["passes"] ?? Number.NaN,
      };
    } finally {
      forget();
      await rm(place, { recursive: true, force: true });
    }
  },
};

export async function installK6(): Promise<Availability> {
  try {
    const installed = await run(k6Binary, ["version"]).catch(() => "none");
    if (!installed.includes(VERSION)) {
      const env = { GOBIN: folder, GOFLAGS: "-mod=mod" };
      await run("go", ["install", `go.k6.io/k6@${VERSION}`], { env, timeoutMs: BUILD_MS });
    }
    return { available: true, version: VERSION };
  } catch (error) {
    return { available: false, reason: reasonOf(error) };
  }
}
