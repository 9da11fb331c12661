/**
 * Decides what a reload takes from the configuration it has read again. Pure: two configurations in, one out.
 *
 * The arbiter's own settings (its sockets, its control socket, its health port, its log) were set up once and live across
 * generations. A change of them needs a restart: it is reported, and not applied. The same holds for a change to or from the
 * model `sync`, which changes who gets connections. A number of workers set by `scale` stays until the configuration has
 * another one.
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
  "sharedMemoryBytes",
  "sharedValueBytes",
  "watch",
] as const satisfies readonly (keyof ServerConfig)[];

export interface ReloadPlan {
  readonly config: ServerConfig;
  /** Settings whose change has no effect before a restart. */
  readonly needRestart: readonly string[];
}

/** `running` serves, perhaps scaled. `readBefore` and `readNow` are the configuration as read then and now. */
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
