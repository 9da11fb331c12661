/** heddle as heddle.ts installs it, with a model and its threads on the command line; `loops` is the number of workers. */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { onCleanup } from "../harness/cleanup.ts";
import { processTree } from "../harness/proc.ts";
import { start } from "../harness/processes.ts";
import { cliIn, heddle } from "./heddle.ts";
import { flagsOf } from "./model-options.ts";
import {
  type Availability,
  descendants,
  LISTENING,
  type BenchApp,
  type Peer,
  PEERS_FOLDER,
  ready,
  type RunningPeer,
  type StartOptions,
} from "./peer.ts";

/** A model with a hundred threads starts all of them before it reports that it listens. */
const START_TIMEOUT_MS = 60_000;

export const heddleModels: Peer = heddleModelsIn("heddle", join(PEERS_FOLDER, "heddle"), () => heddle.install());

/** The heddle that `install` puts into `folder`. */
export function heddleModelsIn(name: string, folder: string, install: () => Promise<Availability>): Peer {
  const cli = cliIn(folder);
  return { name, install, start: (app, options) => startModel(cli, app, options) };
}

async function startModel(cli: string, app: BenchApp, options: StartOptions): Promise<RunningPeer> {
  const folder = mkdtempSync(join(PEERS_FOLDER, "heddle-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const forget = onCleanup(remove);
  const flags = ["--port", "0", "--control", join(folder, "control"), "--workers", String(options.loops)];
  const server = start(process.execPath, [cli, "serve", app.file, ...flags, ...flagsOf(options)]);
  const stop = async (): Promise<void> => {
    forget();
    await server.stop();
    remove();
  };
  try {
    const [, url = ""] = await server.waitForOutput(LISTENING, START_TIMEOUT_MS);
    const pids = (): number[] => processTree([server.pid]);
    return await ready({ url, pids, workerPids: () => descendants(server.pid), stop }, app);
  } catch (error) {
    await stop();
    throw error;
  }
}
