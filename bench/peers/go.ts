/** Go's net/http with GOMAXPROCS = loops: the same work in the runtime that many compare Node with. */
import { join } from "node:path";
import { processTree } from "../harness/proc.ts";
import { start } from "../harness/processes.ts";
import { buildGo } from "./go-build.ts";
import { LISTENING, type Peer, PEERS_FOLDER, ready } from "./peer.ts";

const binary = join(PEERS_FOLDER, "go/server");

export const go: Peer = {
  name: "Go net/http",
  install: () => buildGo([new URL("../apps/go/main.go", import.meta.url)], binary),
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
