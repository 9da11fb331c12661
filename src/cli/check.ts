/** `heddle check`: loads the config and the app on a serving thread, prints what would run, serves nothing. */

import { settle } from "../server/arbiter/workers/surroundings.ts";
import { readTls } from "../server/arbiter/tls.ts";
import { formatListenAddress, type Range, type ServerConfig } from "../config/config.ts";
import type { HeddleError } from "../errors/errors.ts";
import { requireNative } from "../platform/native.ts";
import type { AppSummary } from "../server/worker/serving/serving-protocol.ts";
import { ServingThreadHandle } from "../server/worker/serving/serving-thread-handle.ts";
import { BOOT_GRACE_MS, bootTimeout } from "../server/worker/serving/serving-pool.ts";
import { modelNamed } from "../server/models/registry.ts";
import { systemClock } from "../supervise/pool-clock.ts";
import { Pool } from "../supervise/pool.ts";
import { readSettings } from "./settings.ts";

export async function check(argv: readonly string[]): Promise<void> {
  const settings = await readSettings(argv);
  if (settings === undefined) return;
  const { given, warnings } = settings;
  // This process loads the app itself, so it sets what a worker is started with.
  const { app: appFile, cwd, env } = settle(settings.config, (message) => console.log(`warning  ${message}`));
  const config = { ...settings.config, app: appFile, cwd };
  Object.assign(process.env, env);
  readTls(config);
  modelNamed(config.model, "--model");
  if (config.listen.some(({ kind }) => kind === "unix")) await requireNative("Unix sockets");
  const app = await loadOnThread(config);
  console.log(`app      ${app.file} (${app.shape})`);
  console.log(`listen   ${config.listen.map(formatListenAddress).join(", ")}`);
  console.log(`workers  ${config.workers} × ${formatRange(config.threads)} threads, model ${config.model}`);
  for (const { name, model, pool, timeoutMs, limit } of app.routes) {
    modelNamed(model, `route ${name}`);
    const threads = pool === undefined ? "" : `, pool ${pool.name} of ${formatRange(pool)} threads`;
    console.log(
      `route    ${name}  model ${model}${threads}, timeout ${timeoutMs} ms${limit === undefined ? "" : `, limit ${limit}`}`,
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

/** Loads the app as a worker does. @throws HeddleError why it can't be loaded */
async function loadOnThread(config: ServerConfig): Promise<AppSummary> {
  const address = { url: "", host: "127.0.0.1", port: 0 };
  const loaded = Promise.withResolvers<AppSummary>();
  const pool: Pool<ServingThreadHandle, HeddleError> = new Pool({
    rules: {
      kind: "fixed",
      startingAtOnce: 1,
      firstAlone: true,
      refillBesideKilled: false,
      startTimeoutMs: config.bootTimeoutMs + BOOT_GRACE_MS,
      drainMs: 0,
      drainMarginMs: 0,
      silenceMs: 0,
      killPatienceMs: Infinity,
    },
    clock: systemClock,
    wanted: () => 1,
    spawn: (member) => {
      const thread = new ServingThreadHandle(member, { config, index: 0, tls: undefined, address, purpose: "check" });
      thread.once("loaded", ({ summary }) => loaded.resolve(summary));
      thread.once("gone", (error) => pool.gone(member, error));
      return thread;
    },
    killError: () => bootTimeout(config),
  });
  pool.boot().catch(loaded.reject);
  try {
    return await loaded.promise;
  } finally {
    await pool.close("stop", 0);
  }
}

/** `4`, or `2:16`. */
function formatRange({ min, max }: Range): string {
  return min === max ? `${max}` : `${min}:${max}`;
}
