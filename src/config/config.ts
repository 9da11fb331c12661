/** The whole configuration, for the command line. Workers and threads import only types from here, because this loads every file. */

export { findApp, type FoundApp } from "./app/find-app.ts";
export { flagSpecs, parseArguments, type Flags, type FlagSpec, type ParsedArguments } from "./sources/arguments.ts";
export { availableCpus, type FileReader } from "./cpus.ts";
export { defineConfig, loadConfigFile, type ConfigFile, type UserConfig } from "./sources/file.ts";
export { mergeEnvFiles, readEnvFiles, readScriptEnv, type EnvFile } from "./sources/env-file.ts";
export { explainSettings, type Explained } from "./explain.ts";
export { helpText } from "./help.ts";
export { firstPassedFd, formatListenAddress, passedAddresses, type ListenAddress } from "./listen-address.ts";
export { formatLimit, type AdaptiveLimit } from "./settings/limit-form.ts";
export type { Limit } from "./kinds.ts";
export { nearest } from "./nearest.ts";
export type { Range, Recycling } from "./notation.ts";
export {
  chdirPath,
  configFilePath,
  controlPath,
  envFilePaths,
  isNamed,
  resolveConfig,
  type ModelName,
  type ServerConfig,
} from "./resolve.ts";
export type { Priority, RouteConfig, RouteSettings } from "./routes/routes.ts";
export { serviceLinks, tellLinks, withoutLinks, type ServiceLinks } from "./sources/service-links.ts";
export { settingGroups, settings, type Setting, type SettingGroup, type SettingName } from "./settings.ts";
export type { ConfigSources, Environment, Variables } from "./sources/sources.ts";
