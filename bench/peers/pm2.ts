/**
 * PM2 in cluster mode, with its own PM2_HOME and so its own daemon for each start. The daemon counts as part of the server.
 *
 * A PM2 that is already used on this machine is never touched: the daemon is found only through this home's pm2.pid.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onCleanup } from "../harness/cleanup.ts";
import { freePort } from "../harness/ports.ts";
import { endProcesses, processTree } from "../harness/proc.ts";
import { run } from "../harness/processes.ts";
import { npmInstall } from "./npm-install.ts";
import { descendants, LAUNCH, type Peer, PEERS_FOLDER, ready } from "./peer.ts";

const root = join(PEERS_FOLDER, "pm2");
const cli = join(root, "node_modules/pm2/bin/pm2");

export const pm2: Peer = {
  name: "PM2 cluster",
  install: () => npmInstall("pm2", { pm2: "7.0.4" }),
  async start(app, { loops, graceful = false }) {
    await mkdir(root, { recursive: true });
    // Unix socket paths end at 107 bytes, so the name is short.
    const home = mkdtempSync(join(root, "h-"));
    const port = await freePort();
    const config = join(home, "bench.config.json");
    await writeFile(
      config,
      JSON.stringify({
        apps: [
          {
            name: "bench",
            script: LAUNCH.listen,
            interpreter: "node",
            exec_mode: "cluster",
            instances: loops,
            kill_timeout: 10_000,
            out_file: join(home, "out.log"),
            error_file: join(home, "error.log"),
            env: { BENCH_APP: app.file, PORT: String(port), BENCH_GRACEFUL: graceful ? "1" : "0" },
          },
        ],
      }),
    );
    const pm2cli = (...args: string[]): Promise<string> =>
      run(process.execPath, [cli, ...args], {
        env: { PM2_HOME: home, PM2_DISABLE_VERSION_CHECK: "true" },
        timeoutMs: 90_000,
      });
    const daemon = (): number | undefined => {
      try {
        return Number(readFileSync(join(home, "pm2.pid"), "utf8"));
      } catch {
        return undefined;
      }
    };
    const pids = (): number[] => processTree([daemon() ?? -1]);
    const stop = async (): Promise<void> => {
      forget();
      // `pm2 kill` waits for the workers' kill_timeout. Nothing is measured any more, so the tree is killed at once.
      const tree = pids();
      await endProcesses(tree, 0);
      rmSync(home, { recursive: true, force: true });
    };
    const forget = onCleanup(stop);
    try {
      await pm2cli("start", config);
    } catch (error) {
      await stop();
      throw error;
    }
    const running = {
      url: `http://127.0.0.1:${port}`,
      pids,
      workerPids: () => descendants(daemon() ?? -1),
      reload: async () => void (await pm2cli("reload", "bench")),
      stop,
    };
    return ready(running, app);
  },
};
