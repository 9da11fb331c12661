/** heddle from this working tree. */
import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { onCleanup } from "../harness/cleanup.ts";
import { processTree } from "../harness/proc.ts";
import { reasonOf, run, start } from "../harness/processes.ts";
import { descendants, LISTENING, type Peer, PEERS_FOLDER, ready } from "./peer.ts";

const cli = new URL("../../bin/heddle.js", import.meta.url).pathname;

export const heddle: Peer = {
  name: "heddle",
  async install() {
    try {
      await run(process.execPath, [cli, "--help"], { timeoutMs: 10_000 });
      const text = await readFile(new URL("../../package.json", import.meta.url), "utf8");
      return { available: true, version: (JSON.parse(text) as { version: string }).version };
    } catch (error) {
      return { available: false, reason: reasonOf(error) };
    }
  },
  async start(app, { loops, as = "threads" }) {
    await mkdir(PEERS_FOLDER, { recursive: true });
    // Unix socket paths end at 107 bytes, so the name is short.
    const folder = mkdtempSync(join(PEERS_FOLDER, "heddle-"));
    const control = join(folder, "control");
    const [workers, threads] = as === "threads" ? [1, loops] : [loops, 1];
    const shape = ["--workers", String(workers), "--threads", String(threads)];
    const server = start(process.execPath, [cli, "serve", app.file, "--port", "0", ...shape, "--control", control]);
    const stop = async (): Promise<void> => {
      forget();
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    };
    const forget = onCleanup(() => rmSync(folder, { recursive: true, force: true }));
    const [, url = ""] = await server.waitForOutput(LISTENING).catch(async (error: unknown) => {
      await stop();
      throw error;
    });
    const running = {
      url,
      pids: () => processTree([server.pid]),
      workerPids: () => descendants(server.pid),
      reload: async () =>
        void (await run(process.execPath, [cli, "reload", "--control", control], { timeoutMs: 90_000 })),
      stop,
    };
    return ready(running, app);
  },
};
