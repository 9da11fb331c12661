/**
 * The directory and the environment of a generation, settled once for all of its workers. A worker that is replaced later
 * must not get another release's code, nor variables that its neighbours lack.
 *
 * `config` keeps paths as they were given. Here their symbolic links are resolved, so that the next generation can resolve
 * them to other targets.
 */

import { existsSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { mergeEnvFiles, readEnvFiles, readScriptEnv, type ServerConfig } from "../../../config/config.ts";

export interface Surroundings {
  /** The app's module and the working directory, without symbolic links. */
  readonly app: string;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** @throws HeddleError ENV_FILE_FAILED */
export function settle(
  config: Pick<ServerConfig, "app" | "cwd" | "chdir" | "envFiles" | "found">,
  warn: (message: string) => void,
): Surroundings {
  const { envFiles = [], chdir, found } = config;
  const app = followed(config.app);
  const cwd = existsSync(config.cwd) ? followed(config.cwd) : dirname(app);
  if (!existsSync(config.cwd)) {
    warn(
      `the working directory ${config.cwd} does not exist any more: workers run in ${cwd}. A directory given with --chdir is resolved again at each reload`,
    );
  }
  const { env } = mergeEnvFiles([...readScriptEnv(found), ...readEnvFiles(envFiles)], withoutOthers(process.env));
  // PWD as a shell's `cd` sets it.
  return { app, cwd, env: chdir === undefined ? env : { ...env, PWD: cwd } };
}

/** What systemd has passed, heddle listens on: an app would take a descriptor of heddle's own for it. */
const PASSED = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"];

/** Without what is not for the app. */
function withoutOthers(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  // PM2, or a copy of an app that has started this server, has given it one number. Each copy of the app gets its own (app/instance.ts).
  const isNumbered = env["pm_id"] !== undefined || env["HEDDLE_THREAD_INDEX"] !== undefined;
  const others = [...PASSED, ...(isNumbered ? ["NODE_APP_INSTANCE"] : [])];
  return Object.fromEntries(Object.entries(env).filter(([name]) => !others.includes(name)));
}

/** A missing path stays as it is: the worker reports it best. So does a link that Node was told not to follow. */
function followed(path: string): string {
  const options = [...process.execArgv, process.env["NODE_OPTIONS"] ?? ""].join(" ");
  return existsSync(path) && !options.includes("--preserve-symlinks") ? realpathSync(path) : path;
}
