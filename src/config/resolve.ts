/** Merges all sources (flags, environment, config file, defaults) into one ServerConfig.
 *
 * Pure: everything that depends on where heddle runs is in `ConfigSources`. The result is plain JSON data, so it can be sent
 * to processes and threads. Its paths are absolute, and an absent setting has no key.
 */

import { resolve } from "node:path";
import { HeddleError } from "../errors/errors.ts";
import type { FoundApp } from "./app/find-app.ts";
import type { Flags } from "./sources/arguments.ts";
import type { ListenAddress } from "./listen-address.ts";
import { chooseListeners } from "./listeners.ts";
import { fitModel } from "./model-rules.ts";
import { checkRouteSticky, checkSticky } from "./sticky-rules.ts";
import { routeForms } from "./routes/route-forms.ts";
import { checkRouteModels } from "./routes/route-models.ts";
import { readRoutes, type RouteConfig } from "./routes/routes.ts";
import { readValue, show } from "./setting-value.ts";
import { settingEntries, settings, type SettingName, type SettingValues } from "./settings.ts";
import {
  checkNames,
  fileLabel,
  fromEnvironment,
  fromFile,
  fromFlags,
  givenValue,
  writtenValue,
  type ConfigSources,
  type Environment,
} from "./sources/sources.ts";

export type ServerConfig = Omit<SettingValues, "host" | "port" | "listen"> & {
  /**
   * The app's module, absolute. Symbolic links in it and in `cwd` are followed for each generation:
   * server/arbiter/workers/surroundings.ts.
   */
  readonly app: string;
  /** How the app was found, if nobody named it. Its `file` and `args` are `app` and `appArgs`. */
  readonly found?: Omit<FoundApp, "file" | "args">;
  /** `process.argv` of the app, from its third place on. */
  readonly appArgs: readonly string[];
  readonly cwd: string;
  /** The settings that are not at their defaults. */
  readonly given: readonly SettingName[];
  readonly listen: readonly ListenAddress[];
  /** By `"GET /report/:id"` or `"/path"`. */
  readonly routes: Readonly<Record<string, RouteConfig>>;
};

export type ModelName = ServerConfig["model"];

/** @throws HeddleError CONFIG_BAD_VALUE, CONFIG_UNKNOWN_SETTING, CONFIG_CONFLICT, CLI_USAGE (no app) */
export function resolveConfig(sources: ConfigSources): ServerConfig {
  checkNames(sources);
  const { cwd, file } = sources;
  const values = fitModel(readSettings(sources), sources);
  checkSticky(values, sources);
  const { host, port, listen, ...rest } = values;
  checkTls(rest);
  const routes = readRoutes(file?.settings["routes"], fileLabel(file), cwd);
  const where = (name: string): string => `routes[${JSON.stringify(name)}] in ${fileLabel(file)}`;
  checkRouteModels(rest.model, routes, where);
  checkRouteSticky(rest.model, routes, where);
  routeForms(routes, rest);
  return {
    ...rest,
    ...(file === undefined ? {} : { configFile: file.path }),
    // It was relative to the start folder, and is now the working directory.
    ...(rest.chdir === undefined ? {} : { chdir: cwd }),
    ...whichApp(sources),
    cwd,
    given: settingEntries.flatMap(([name, setting]) => (givenValue(setting, sources) === undefined ? [] : [name])),
    listen: chooseListeners(sources, { host, port, listen }),
    routes,
  };
}

/** The config file that flags or environment name, absolute, for `loadConfigFile`. */
export function configFilePath(flags: Flags, env: Environment, cwd: string): string | undefined {
  return saidEarly("configFile", flags, env, cwd) as string | undefined;
}

/** The working directory that flags or environment name, absolute. `cwd`: where heddle was started. */
export function chdirPath(flags: Flags, env: Environment, cwd: string): string | undefined {
  return saidEarly("chdir", flags, env, cwd) as string | undefined;
}

/** The control socket that flags or environment name, absolute, or off. @throws HeddleError CONFIG_BAD_VALUE */
export function controlPath(flags: Flags, env: Environment, cwd: string): string | undefined {
  return saidEarly("control", flags, env, cwd) as string | undefined;
}

/** The env files that are to be read, absolute; those that only the config file names, when it is known. */
export function envFilePaths(
  { flags, env, file }: Pick<ConfigSources, "flags" | "env" | "file">,
  cwd: string,
): readonly string[] | undefined {
  const early = saidEarly("envFiles", flags, env, cwd);
  const written = fromFile(settings.envFiles, file);
  return (early ?? (written && readValue(settings.envFiles, written, cwd))) as readonly string[] | undefined;
}

/** Settings that are needed before the config file is read. */
function saidEarly(name: SettingName, flags: Flags, env: Environment, cwd: string): unknown {
  const setting = settings[name];
  const written = fromFlags(setting, flags) ?? fromEnvironment(setting, { env });
  return written === undefined ? undefined : readValue(setting, written, cwd);
}

function readSettings(sources: ConfigSources): SettingValues {
  const values: Record<string, unknown> = { logFormat: sources.isTTY ? "pretty" : "json" };
  for (const [name, setting] of settingEntries) {
    const written = writtenValue(setting, sources);
    if (written !== undefined) values[name] = readValue(setting, written, sources.cwd);
  }
  // A thread at a breakpoint is not to be killed.
  if (values["inspectPort"] !== undefined && givenValue(settings.timeoutMs, sources) === undefined)
    values["timeoutMs"] = 0;
  return { ...shapeOf(values, sources.cpus), ...values } as unknown as SettingValues;
}

/**
 * How many workers, and threads in each, if that is not given. Under `loop` and `actors`, an event loop for each CPU, each in a process of its
 * own, as with node:cluster: every app runs there. Who gives the threads of a worker wants one worker, unless more are given.
 */
function shapeOf(
  { model, threads }: Record<string, unknown>,
  cpus: number,
): Pick<SettingValues, "workers" | "threads"> {
  const isLoop = model === "loop" || model === "actors";
  const perWorker = isLoop ? 1 : cpus;
  return { workers: isLoop && threads === undefined ? cpus : 1, threads: { min: perWorker, max: perWorker } };
}

function checkTls({ tlsCert, tlsKey }: Pick<SettingValues, "tlsCert" | "tlsKey">): void {
  if ((tlsCert === undefined) === (tlsKey === undefined)) return;
  const [given, missing] = tlsKey === undefined ? ["--tls-cert", "--tls-key"] : ["--tls-key", "--tls-cert"];
  throw new HeddleError("CONFIG_CONFLICT", `got ${given} without ${missing}; expected both, or neither for plain HTTP`);
}

function whichApp(sources: ConfigSources): Pick<ServerConfig, "app" | "appArgs" | "found"> {
  const { found, appArgs = [] } = sources;
  if (isNamed(sources) || found === undefined) return { app: resolveApp(sources), appArgs };
  const { file, args, ...rest } = found;
  return { app: file, appArgs: [...args, ...appArgs], found: rest };
}

/** Whether the command line or the config file names the app. */
export function isNamed({ app, file }: Pick<ConfigSources, "app" | "file">): boolean {
  return (app ?? file?.settings["app"]) !== undefined;
}

function resolveApp({ app, file, cwd }: ConfigSources): string {
  const named: unknown = app ?? file?.settings["app"];
  if (typeof named === "string" && named !== "") return resolve(cwd, named);
  if (named === undefined) {
    throw new HeddleError(
      "CLI_USAGE",
      `got no app; expected its module, as in heddle serve app.ts, or app in ${fileLabel(file)}`,
    );
  }
  const origin = app === undefined ? `app in ${fileLabel(file)}` : "the app";
  throw new HeddleError(
    "CONFIG_BAD_VALUE",
    `${origin}: got ${show(named)}; expected the path of a module, such as "app.ts"`,
  );
}
