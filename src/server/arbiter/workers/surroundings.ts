/**
 * Where a generation runs and with which environment, settled once for all of its workers: one that is replaced later must not
 * meet another release's code, nor variables its neighbours do not have.
 *
 * `config` keeps paths as they were named. Here their symbolic links are followed, so that the next generation can be led
 * elsewhere by them.
 */

import { existsSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { mergeEnvFiles, readEnvFiles, type ServerConfig } from "../../../config/config.ts";

export interface Surroundings {
  /** The app's module and the working directory, without symbolic links. */
  readonly app: string;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** @throws HeddleError ENV_FILE_FAILED */
export function settle(
  config: Pick<ServerConfig, "app" | "cwd" | "chdir" | "envFiles">,
  warn: (message: string) => void,
): Surroundings {
  const { envFiles = [], chdir } = config;
  const app = followed(config.app);
  const cwd = existsSync(config.cwd) ? followed(config.cwd) : dirname(app);
  if (!existsSync(config.cwd)) {
    warn(
      `the working directory ${config.cwd} is gone: workers run in ${cwd}. --chdir names one that is looked for anew at each reload`,
    );
  }
  const { env } = mergeEnvFiles(readEnvFiles(envFiles), process.env);
  // What a shell's `cd` does.
  return { app, cwd, env: chdir === undefined ? env : { ...env, PWD: cwd } };
}

/** What does not exist stays as it is: the worker says it best. So does a link that Node was told not to follow. */
function followed(path: string): string {
  const options = [...process.execArgv, process.env["NODE_OPTIONS"] ?? ""].join(" ");
  return existsSync(path) && !options.includes("--preserve-symlinks") ? realpathSync(path) : path;
}
