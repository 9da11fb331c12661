/** heddle in its published form: packed from a source tree, and installed into a folder of its own. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onCleanup } from "../harness/cleanup.ts";
import { processTree } from "../harness/proc.ts";
import { reasonOf, run, start } from "../harness/processes.ts";
import { type Availability, descendants, LISTENING, type Peer, PEERS_FOLDER, ready } from "./peer.ts";

export const WORKING_TREE: string = new URL("../../", import.meta.url).pathname;
const installed = join(PEERS_FOLDER, "heddle");
const cli = cliIn(installed);

export const heddle: Peer = {
  name: "heddle",
  install: () => installHeddle(WORKING_TREE, installed),
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

/** The command of the heddle that is installed in `folder`. */
export function cliIn(folder: string): string {
  return join(folder, "node_modules", "heddle", "bin", "heddle.js");
}

export async function installHeddle(root: string, folder: string): Promise<Availability> {
  try {
    rmSync(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
    await run("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: root, timeoutMs: 60_000 });
    const [tarball = ""] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
    await run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", join(folder, tarball)], {
      cwd: folder,
      timeoutMs: 300_000,
      env: { NODE_ENV: "" },
    });
    const text = await readFile(join(root, "package.json"), "utf8");
    return { available: true, version: (JSON.parse(text) as { version: string }).version };
  } catch (error) {
    return { available: false, reason: reasonOf(error) };
  }
}
