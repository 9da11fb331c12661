/** node:cluster, round robin: Node's own solution. */
import { freePort } from "../harness/ports.ts";
import { processTree } from "../harness/proc.ts";
import { start } from "../harness/processes.ts";
import { descendants, LAUNCH, LISTENING, type Peer, ready } from "./peer.ts";

export const cluster: Peer = {
  name: "node:cluster",
  install: () => Promise.resolve({ available: true, version: process.version }),
  async start(app, { loops }) {
    const primary = start(process.execPath, [LAUNCH.cluster], {
      env: { BENCH_APP: app.file, PORT: String(await freePort()), BENCH_WORKERS: String(loops) },
    });
    const allListening = new RegExp(Array(loops).fill(LISTENING.source).join("[^]*"));
    const [, url = ""] = await primary.waitForOutput(allListening).catch(async (error: unknown) => {
      await primary.stop();
      throw error;
    });
    const running = {
      url,
      pids: () => processTree([primary.pid]),
      workerPids: () => descendants(primary.pid),
      stop: () => primary.stop(),
    };
    return ready(running, app);
  },
};
