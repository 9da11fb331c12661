/**
 * From everything that was said (flags, environment, config file, defaults) to one ServerConfig.
 *
 * Pure: what depends on where heddle runs comes in as `ConfigSources`. The result is plain JSON data, so it crosses
 * process and thread boundaries as it is; paths in it are absolute, and a setting that is absent has no key.
 */

import { resolve } from "node:path";
import { HeddleError } from "../errors/errors.ts";
import type { Flags } from "./arguments.ts";
import type { ListenAddress } from "./listen-address.ts";
import { chooseListeners } from "./listeners.ts";
import { fitModel } from "./model-rules.ts";
import { checkRouteModels } from "./route-models.ts";
import { readRoutes, type RouteConfig } from "./routes.ts";
import { readValue, show } from "./setting-value.ts";
import { settingEntries, settings, type SettingValues } from "./settings.ts";
import {
  checkNames,
  fileLabel,
  fromEnvironment,
  fromFlags,
  writtenValue,
  type ConfigSources,
  type Environment,
} from "./sources.ts";

export type ServerConfig = Omit<SettingValues, "host" | "port" | "listen"> & {
  /** The app's module, absolute. */
  readonly app: string;
  readonly cwd: string;
  readonly listen: readonly ListenAddress[];
  /** By `"GET /report/:id"` or `"/path"`. */
  readonly routes: Readonly<Record<string, RouteConfig>>;
};

export type ModelName = ServerConfig["model"];

/** @throws HeddleError CONFIG_BAD_VALUE, CONFIG_UNKNOWN_SETTING, CONFIG_CONFLICT, CLI_USAGE (no app) */
export function resolveConfig(sources: ConfigSources): ServerConfig {
  checkNames(sources);
  const { cwd, file } = sources;
  const { host, port, listen, ...rest } = fitModel(readSettings(sources), sources);
  checkTls(rest);
  const routes = readRoutes(file?.settings["routes"], fileLabel(file), cwd);
  checkRouteModels(rest.model, routes, (name) => `routes[${JSON.stringify(name)}] in ${fileLabel(file)}`);
  return {
    ...rest,
    ...(file === undefined ? {} : { configFile: file.path }),
    app: resolveApp(sources),
    cwd,
    listen: chooseListeners(sources, { host, port, listen }),
    routes,
  };
}

/** The config file that flags or environment name, absolute, for `loadConfigFile`. */
export function configFilePath(flags: Flags, env: Environment, cwd: string): string | undefined {
  const written = fromFlags(settings.configFile, flags) ?? fromEnvironment(settings.configFile, env);
  return written === undefined ? undefined : (readValue(settings.configFile, written, cwd) as string);
}

function readSettings(sources: ConfigSources): SettingValues {
  const values: Record<string, unknown> = {
    threads: { min: sources.cpus, max: sources.cpus },
    logFormat: sources.isTTY ? "pretty" : "json",
  };
  for (const [name, setting] of settingEntries) {
    const written = writtenValue(setting, sources);
    if (written !== undefined) values[name] = readValue(setting, written, sources.cwd);
  }
  return values as unknown as SettingValues;
}

function checkTls({ tlsCert, tlsKey }: Pick<SettingValues, "tlsCert" | "tlsKey">): void {
  if ((tlsCert === undefined) === (tlsKey === undefined)) return;
  const [given, missing] = tlsKey === undefined ? ["--tls-cert", "--tls-key"] : ["--tls-key", "--tls-cert"];
  throw new HeddleError("CONFIG_CONFLICT", `got ${given} without ${missing}; expected both, or neither for plain HTTP`);
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
