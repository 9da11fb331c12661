/** Servers of one event loop each with the app of known knee: heddle in three ways, and what Node's users have otherwise. */
import { mkdtempSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { onCleanup } from "../harness/cleanup.ts";
import { start } from "../harness/processes.ts";
import { cluster } from "../peers/cluster.ts";
import { type BenchApp, benchApp, LISTENING, type Peer, PEERS_FOLDER, ready } from "../peers/peer.ts";
import { pm2 } from "../peers/pm2.ts";
import { processTree } from "../harness/proc.ts";

const app: BenchApp = benchApp("known-knee", "/ready");

export interface Contender {
  readonly name: string;
  readonly install: Peer["install"];
  start(): Promise<{ readonly url: string; stop(): Promise<void> }>;
}

export const contenders: readonly Contender[] = [
  heddle("heddle --limit adaptive", ["--limit", "adaptive"]),
  heddle("heddle --limit adaptive:10", ["--limit", "adaptive:10"]),
  heddle("heddle, its defaults", []),
  peer(cluster),
  peer(pm2),
];

function peer(of: Peer): Contender {
  return { name: of.name, install: () => of.install(), start: () => of.start(app, { loops: 1 }) };
}

/** From the working tree. */
function heddle(name: string, flags: readonly string[]): Contender {
  const bin = new URL("../../bin/heddle.js", import.meta.url).pathname;
  return {
    name,
    install: () => Promise.resolve({ available: true, version: process.version }),
    async start() {
      await mkdir(PEERS_FOLDER, { recursive: true });
      // Unix socket paths end at 107 bytes, so the name is short.
      const folder = mkdtempSync(join(PEERS_FOLDER, "o-"));
      const forget = onCleanup(() => rmSync(folder, { recursive: true, force: true }));
      const fixed = ["--port", "0", "--workers", "1", "--threads", "1", "--control", join(folder, "c")];
      const server = start(process.execPath, [bin, "serve", app.file, ...fixed, ...flags]);
      const stop = async (): Promise<void> => {
        forget();
        await server.stop();
        rmSync(folder, { recursive: true, force: true });
      };
      const [, url = ""] = await server.waitForOutput(LISTENING).catch(async (error: unknown) => {
        await stop();
        throw error;
      });
      const pids = (): number[] => processTree([server.pid]);
      return await ready({ url, pids, workerPids: pids, stop }, app);
    },
  };
}
