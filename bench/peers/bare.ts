/** Bare node:http: one process, or several that share the port with SO_REUSEPORT. The reference for the server's cost. */
import { freePort } from "../harness/ports.ts";
import { processTree } from "../harness/proc.ts";
import { start } from "../harness/processes.ts";
import { LAUNCH, LISTENING, type Peer, ready } from "./peer.ts";

export const bare: Peer = {
  name: "bare node:http",
  install: () => Promise.resolve({ available: true, version: process.version }),
  async start(app, { loops }) {
    const env = { BENCH_APP: app.file, PORT: String(await freePort()), BENCH_REUSE_PORT: loops > 1 ? "1" : "0" };
    const processes = Array.from({ length: loops }, () => start(process.execPath, [LAUNCH.listen], { env }));
    const stop = async (): Promise<void> => {
      await Promise.all(processes.map((each) => each.stop()));
    };
    try {
      const ports = await Promise.all(processes.map((each) => each.waitForOutput(LISTENING)));
      const roots = processes.map((each) => each.pid);
      const running = {
        url: ports[0]?.[1] ?? "",
        pids: () => processTree(roots),
        workerPids: () => processTree(roots),
        stop,
      };
      return await ready(running, app);
    } catch (error) {
      await stop();
      throw error;
    }
  },
};
