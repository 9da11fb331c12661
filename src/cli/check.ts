/** `heddle check`: loads the config and the app in a worker, prints what would run, serves nothing. */

import { count } from "../errors/count.ts";
import { settle } from "../server/arbiter/workers/surroundings.ts";
import { readTls } from "../server/arbiter/tls.ts";
import { formatLimit, formatListenAddress, type Range, type ServerConfig } from "../config/config.ts";
import type { HeddleError } from "../errors/errors.ts";
import { requireNative } from "../platform/native.ts";
import type { AppSummary } from "../server/worker/serving/serving-protocol.ts";
import { BOOT_MARGIN_MS } from "../server/arbiter/workers/generation.ts";
import { runsOnMainThread, WorkerHandle } from "../server/arbiter/workers/worker-handle.ts";
import { bootTimeout } from "../server/worker/serving/boot-timeout.ts";
import { runsOnHandlerThreads, servingThreads } from "../server/models/offload/dispatch/pools.ts";
import { ACTORS_VARIABLE } from "../actors/across/thread-numbers.ts";
import { SHARED_VARIABLE } from "../shared/transport.ts";
import { systemClock } from "../supervise/pool-clock.ts";
import { Pool } from "../supervise/pool.ts";
import { readSettings } from "./settings.ts";

export async function check(argv: readonly string[]): Promise<void> {
  const settings = await readSettings(argv);
  if (settings === undefined) return;
  const { given, warnings } = settings;
  const { app: appFile, cwd, env } = settle(settings.config, (message) => console.log(`warning  ${message}`));
  const config = { ...settings.config, app: appFile, cwd };
  readTls(config);
  if (config.listen.some(({ kind }) => kind === "unix")) await requireNative("Unix sockets");
  const app = await loadInWorker(config, env);
  console.log(`app      ${app.file} (${app.shape})`);
  if (config.found !== undefined) console.log(`found    ${config.found.reason}`);
  console.log(`listen   ${config.listen.map(formatListenAddress).join(", ")}`);
  console.log(`workers  ${formatShape(config)}`);
  for (const { name, model, pool, timeoutMs, limit, sticky } of app.routes) {
    const threads = pool === undefined ? "" : `, pool ${pool.name} of ${formatRange(pool)}`;
    console.log(
      `route    ${name}  model ${model}${threads}, timeout ${timeoutMs} ms${limit === undefined ? "" : `, limit ${formatLimit(limit)}`}${sticky === "none" ? "" : `, sticky by ${sticky}`}`,
    );
  }
  const { upgrades } = app;
  if (app.server?.note !== undefined) console.log(`warning  ${app.server.note.message}`);
  if (upgrades !== undefined) console.log(`${upgrades.level === "warn" ? "warning" : "note   "}  ${upgrades.message}`);
  for (const { flag, text, origin } of [...given, ...(app.server?.applied ?? [])])
    console.log(`setting  --${flag} ${text}  (${origin})`);
  for (const warning of warnings) console.log(`warning  ${warning}`);
  for (const told of [...app.node, ...app.routing]) console.log(`warning  ${told}`);
  console.log("ok");
}

/** Loads the app as a worker does, in one. @throws HeddleError why it can't be loaded */
async function loadInWorker(config: ServerConfig, env: NodeJS.ProcessEnv): Promise<AppSummary> {
  const address = { url: "", host: "127.0.0.1", port: 0 };
  // No server: the app has a store of its own, also if this runs in a worker of one.
  const ownEnv = { ...env, [SHARED_VARIABLE]: undefined, [ACTORS_VARIABLE]: undefined };
  const loaded = Promise.withResolvers<AppSummary>();
  const pool: Pool<WorkerHandle, HeddleError> = new Pool({
    rules: {
      kind: "fixed",
      startingAtOnce: 1,
      firstAlone: true,
      refill: "after-kill",
      startTimeoutMs: config.bootTimeoutMs + BOOT_MARGIN_MS,
      drainMs: 0,
      drainMarginMs: 0,
      silenceMs: 0,
      killPatienceMs: Infinity,
    },
    clock: systemClock,
    wanted: () => 1,
    spawn: (member) => {
      const boot = {
        config,
        tls: undefined,
        slot: 0,
        generation: 0,
        address,
        hop: undefined,
        purpose: "check" as const,
      };
      const worker = new WorkerHandle(member, boot, { listeners: [], seat: undefined }, ownEnv);
      worker.once("loaded", () => loaded.resolve(worker.app!));
      worker.once("gone", (error) => pool.gone(member, error));
      return worker;
    },
    killError: () => bootTimeout(config),
  });
  pool.boot().catch(loaded.reject);
  try {
    return await loaded.promise;
  } finally {
    for (const member of pool.members) pool.kill(member, undefined);
    await pool.close("stop", 0);
  }
}

/** How many copies of the app there would be, and where they would run. */
function formatShape(config: ServerConfig): string {
  const { workers, threads, model } = config;
  // Only a pool of handler threads grows and shrinks.
  const fixed = servingThreads(config);
  const range = runsOnHandlerThreads(model) ? threads : { min: fixed, max: fixed };
  const where = runsOnMainThread(config) ? "1 event loop, on its main thread" : formatRange(range);
  return `${workers} × ${where}, model ${model}`;
}

/** `1 thread`, `4 threads`, or `2:16 threads`. */
function formatRange({ min, max }: Range): string {
  return min === max ? count(max, "thread") : `${min}:${max} threads`;
}
