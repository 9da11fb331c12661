/** heddle from this working tree, in its published form: packed, and installed into a folder of its own. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onCleanup } from "../harness/cleanup.ts";
import { processTree } from "../harness/proc.ts";
import { reasonOf, run, start } from "../harness/processes.ts";
import { descendants, LISTENING, type Peer, PEERS_FOLDER, ready } from "./peer.ts";

const root = new URL("../../", import.meta.url).pathname;
const installed = join(PEERS_FOLDER, "heddle");
const cli = join(installed, "node_modules", "heddle", "bin", "heddle.js");

export const heddle: Peer = {
  name: "heddle",
  async install() {
    try {
      rmSync(installed, { recursive: true, force: true });
      await mkdir(installed, { recursive: true });
      await writeFile(join(installed, "package.json"), JSON.stringify({ private: true, type: "module" }));
      await run("npm", ["pack", "--silent", "--pack-destination", installed], { cwd: root, timeoutMs: 60_000 });
      const [tarball = ""] = readdirSync(installed).filter((name) => name.endsWith(".tgz"));
      await run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", join(installed, tarball)], {
        cwd: installed,
        timeoutMs: 300_000,
        env: { NODE_ENV: "" },
      });
      const text = await readFile(join(root, "package.json"), "utf8");
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
