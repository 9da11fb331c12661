/** From a command's arguments to a ServerConfig. Used by `serve` and `check`. Each step says where to find the next one:
 * working directory → env files → config file → env files that only the config file names → the app, if nobody names it.
 */

import {
  availableCpus,
  chdirPath,
  type ConfigSources,
  configFilePath,
  envFilePaths,
  type Explained,
  explainSettings,
  findApp,
  type Flags,
  flagSpecs,
  isNamed,
  loadConfigFile,
  mergeEnvFiles,
  parseArguments,
  readEnvFiles,
  readScriptEnv,
  resolveConfig,
  type ServerConfig,
  serviceLinks,
  tellLinks,
  type Variables,
  withoutLinks,
} from "../config/config.ts";
import { HeddleError } from "../errors/errors.ts";
import { usage } from "./usage.ts";
import { enterFolder, namedFolder } from "./working-folder.ts";

export interface ParsedCommand {
  readonly config: ServerConfig;
  /** The settings that are not at their default, and where each comes from. */
  readonly given: readonly Explained[];
  /** Warnings to print before anything runs. */
  readonly warnings: readonly string[];
  /** Reads everything again except the flags and the environment: files and symbolic links may have changed. */
  readonly again: () => Promise<ServerConfig>;
}

/** undefined: `--help` was asked for and printed. @throws HeddleError CONFIG_*, ENV_FILE_FAILED, CLI_USAGE */
export async function readSettings(argv: readonly string[]): Promise<ParsedCommand | undefined> {
  const { positionals, flags, rest } = parseArguments(argv, [
    ...flagSpecs(),
    { flag: "help", short: "h", boolean: true },
  ]);
  if (flags["help"] !== undefined) {
    console.log(usage());
    return undefined;
  }
  // Behind `--` are the app's arguments, and the app itself if it is named nowhere else: its name may begin with a dash.
  const [app, ...args] = [...positionals.slice(0, 1), ...rest];
  if (positionals.length > 1) {
    const message = `expected one app, got ${positionals.length}: ${positionals.join(" ")}`;
    throw new HeddleError("CLI_USAGE", message, { hint: `The app's own arguments come behind --: ${app} -- …` });
  }
  const startedIn = namedFolder(process.cwd(), process.env["PWD"]);
  const links = serviceLinks(process.env);
  const gather = (): Promise<ConfigSources> => gatherSources(app, args, flags, startedIn);
  const sources = await gather();
  return {
    config: resolveConfig(sources),
    given: explainSettings(sources),
    warnings: links === undefined ? [] : [tellLinks(links, sources)],
    again: async () => resolveConfig(await gather()),
  };
}

async function gatherSources(
  app: string | undefined,
  appArgs: readonly string[],
  flags: Flags,
  startedIn: string,
): Promise<ConfigSources> {
  const env = withoutLinks(process.env, serviceLinks(process.env));
  const chdir = chdirPath(flags, env, startedIn);
  const cwd = chdir ?? startedIn;
  enterFolder(cwd, chdir !== undefined);
  const early = envFilePaths({ flags, env }, cwd);
  const known = mergeEnvFiles(readEnvFiles(early ?? []), env);
  const file = await withVariables(known, () => loadConfigFile(cwd, configFilePath(flags, env, cwd)));
  const late = early === undefined ? envFilePaths({ flags, env, file }, cwd) : undefined;
  const found = isNamed({ app, file }) ? undefined : findApp(cwd);
  const files = [...readScriptEnv(found), ...readEnvFiles(late ?? early ?? [])];
  const variables = mergeEnvFiles(files, env);
  const machine = { pid: process.pid, isTTY: process.stderr.isTTY, cpus: availableCpus() };
  return { app, appArgs, flags, ...variables, file, found, cwd, ...machine };
}

/** A config file may use the variables of env files. They are removed afterwards, so that a reload forgets deleted lines. */
async function withVariables<T>({ env, envFileOf = {} }: Variables, run: () => Promise<T>): Promise<T> {
  const names = Object.keys(envFileOf);
  for (const name of names) process.env[name] = env[name];
  try {
    return await run();
  } finally {
    for (const name of names) if (process.env[name] === env[name]) delete process.env[name];
  }
}
