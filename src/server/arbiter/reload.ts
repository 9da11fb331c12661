/**
 * What a reload takes from the configuration it has read anew. Pure: two configurations in, one out.
 *
 * What belongs to the arbiter (its sockets, its control socket, its health port, its log) was set up once and lives
 * across generations; a change of it needs a restart and is told, not half done. So does a change to or from the model
 * `sync`, which is about who gets connections. A number of workers set by `scale`
 * stays until the configuration itself says another.
 */

import type { ServerConfig } from "../../config/config.ts";

const FIXED = [
  "listen",
  "accept",
  "backlog",
  "control",
  "healthPort",
  "healthHost",
  "pidFile",
  "watch",
] as const satisfies readonly (keyof ServerConfig)[];

export interface ReloadPlan {
  readonly config: ServerConfig;
  /** Settings whose change has no effect before a restart. */
  readonly needRestart: readonly string[];
}

/** `running` serves, perhaps scaled; `readBefore` and `readNow` are what the configuration said then and says now. */
export function planReload(running: ServerConfig, readBefore: ServerConfig, readNow: ServerConfig): ReloadPlan {
  const isTlsSwitched = (readBefore.tlsCert === undefined) !== (readNow.tlsCert === undefined);
  const changed: string[] = FIXED.filter((name) => JSON.stringify(readBefore[name]) !== JSON.stringify(readNow[name]));
  const kept = Object.fromEntries(FIXED.flatMap((name) => (name in running ? [[name, running[name]]] : [])));
  const open = Object.fromEntries(Object.entries(readNow).filter(([name]) => !FIXED.includes(name as never)));
  const workers = readNow.workers === readBefore.workers ? running.workers : readNow.workers;
  const isSyncSwitched = (readBefore.model === "sync") !== (readNow.model === "sync");
  if (isSyncSwitched) changed.push("model");
  const { model, threads, keepAliveMs } = running;
  const ofModel = (running.model === "sync") === (readNow.model === "sync") ? {} : { model, threads, keepAliveMs };
  const config = { ...open, ...kept, ...ofModel, workers } as unknown as ServerConfig;
  if (!isTlsSwitched) return { config, needRestart: changed };
  const { tlsCert: _cert, tlsKey: _key, ...rest } = config;
  const { tlsCert, tlsKey } = running;
  const tls = tlsCert === undefined || tlsKey === undefined ? {} : { tlsCert, tlsKey };
  return { config: { ...rest, ...tls }, needRestart: [...changed, "tlsCert"] };
}
