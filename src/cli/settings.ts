/** From a command's arguments to a ServerConfig: flags, environment, config file. Used by `serve` and `check`. */

import {
  availableCpus,
  configFilePath,
  flagSpecs,
  loadConfigFile,
  parseArguments,
  resolveConfig,
  type ServerConfig,
} from "../config/config.ts";
import { HeddleError } from "../errors/errors.ts";
import { usage } from "./usage.ts";

export interface ParsedCommand {
  readonly config: ServerConfig;
  /** Reads environment-independent sources again: the config file may have changed. */
  readonly again: () => Promise<ServerConfig>;
}

/** undefined: `--help` was asked for and printed. @throws HeddleError CONFIG_*, CLI_USAGE */
export async function readSettings(argv: readonly string[]): Promise<ParsedCommand | undefined> {
  const { positionals, flags } = parseArguments(argv, [...flagSpecs(), { flag: "help", short: "h", boolean: true }]);
  if (flags["help"] !== undefined) {
    console.log(usage());
    return undefined;
  }
  const [app, ...more] = positionals;
  if (more.length > 0)
    throw new HeddleError("CLI_USAGE", `expected one app, got ${positionals.length}: ${positionals.join(" ")}`);
  const cwd = process.cwd();
  const again = async (): Promise<ServerConfig> => {
    const file = await loadConfigFile(cwd, configFilePath(flags, process.env, cwd));
    const isTTY = process.stderr.isTTY;
    return resolveConfig({ app, flags, env: process.env, file, cwd, pid: process.pid, isTTY, cpus: availableCpus() });
  };
  return { config: await again(), again };
}
