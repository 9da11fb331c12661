/** Go's net/http with GOMAXPROCS = loops: the same work in the runtime that many weigh Node against. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { processTree } from "../harness/proc.ts";
import { reasonOf, run, start } from "../harness/processes.ts";
import { isOnPath } from "../harness/wrk.ts";
import { LISTENING, type Peer, PEERS_FOLDER, ready } from "./peer.ts";

const binary = join(PEERS_FOLDER, "go/server");

export const go: Peer = {
  name: "Go net/http",
  async install() {
    try {
      if (!isOnPath("go")) {
        const env = { DEBIAN_FRONTEND: "noninteractive" };
        await run("apt-get", ["update", "-qq"], { env });
        await run("apt-get", ["install", "-y", "-qq", "golang-go"], { env, timeoutMs: 300_000 });
      }
      await mkdir(join(PEERS_FOLDER, "go"), { recursive: true });
      const source = new URL("../apps/go/main.go", import.meta.url).pathname;
      await run("go", ["build", "-o", binary, source], { timeoutMs: 300_000 });
      const version = await run("go", ["version"]);
      return { available: true, version: /go[\d.]+/.exec(version)?.[0] ?? version.trim() };
    } catch (error) {
      return { available: false, reason: reasonOf(error) };
    }
  },
  async start(app, { loops }) {
    const server = start(binary, [], { env: { GOMAXPROCS: String(loops) } });
    const [, url = ""] = await server.waitForOutput(LISTENING).catch(async (error: unknown) => {
      await server.stop();
      throw error;
    });
    const pids = (): number[] => processTree([server.pid]);
    return ready({ url, pids, workerPids: pids, stop: () => server.stop(500) }, app);
  },
};
