/** Where settings come from, and which value comes first: flag > environment > config file > default. */

import { basename } from "node:path";
import { HeddleError } from "../errors/errors.ts";
import type { Flags } from "./arguments.ts";
import type { ConfigFile } from "./file.ts";
import { suggestion, type Written } from "./setting-value.ts";
import { envName, fileName, settingEntries, type Setting } from "./settings.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What was said, and what depends on where heddle runs. */
export interface ConfigSources {
  /** The app as named on the command line. */
  readonly app?: string | undefined;
  readonly flags: Flags;
  readonly env: Environment;
  readonly file?: ConfigFile | undefined;
  readonly cwd: string;
  /** To tell whether systemd's sockets are for this process. */
  readonly pid: number;
  /** Whether standard output is a terminal. */
  readonly isTTY: boolean;
  readonly cpus: number;
}

export function writtenValue(setting: Setting, { flags, env, file }: ConfigSources): Written | undefined {
  return fromFlags(setting, flags) ?? fromEnvironment(setting, env) ?? fromFile(setting, file) ?? fromDefault(setting);
}

export function fromFlags({ flag, kind }: Setting, flags: Flags): Written | undefined {
  const given = flags[flag];
  if (given === undefined) return undefined;
  return { raw: kind === "addresses" ? given : given.at(-1), origin: `--${flag}` };
}

/** heddle's own variable, else the one platforms set. */
export function fromEnvironment(setting: Setting, env: Environment): Written | undefined {
  const own = fromVariable(setting, envName(setting), env);
  return own ?? (setting.extraEnv === undefined ? undefined : fromVariable(setting, setting.extraEnv, env));
}

/** An empty variable counts as unset: that is how compose files and shells spell "no value". */
export function fromVariable({ kind }: Setting, name: string, env: Environment): Written | undefined {
  const text = env[name] ?? "";
  if (text === "") return undefined;
  return { raw: kind === "addresses" ? text.split(",") : text, origin: `${name} in the environment` };
}

export function fromFile(setting: Setting, file: ConfigFile | undefined): Written | undefined {
  const raw = file?.settings[fileName(setting)];
  return raw === undefined ? undefined : { raw, origin: `${fileName(setting)} in ${fileLabel(file)}` };
}

function fromDefault(setting: Setting): Written | undefined {
  return setting.default === undefined
    ? undefined
    : { raw: setting.default, origin: `the default of --${setting.flag}` };
}

/** What messages call the config file, read or not. */
export function fileLabel(file: ConfigFile | undefined): string {
  return file === undefined ? "heddle.config.ts" : basename(file.path);
}

/** A misspelt name must not pass for a setting that was left at its default. @throws HeddleError CONFIG_UNKNOWN_SETTING */
export function checkNames({ env, file }: ConfigSources): void {
  const variables = settingEntries.map(([, setting]) => envName(setting));
  const strange = Object.keys(env).find((name) => name.startsWith("HEDDLE_") && !variables.includes(name));
  if (strange !== undefined) throw unknownSetting(strange, "the environment", variables);

  const inFile = settingEntries.filter(([name]) => name !== "configFile").map(([, setting]) => fileName(setting));
  const names = [...inFile, "app", "routes"];
  const unknown = Object.keys(file?.settings ?? {}).find((name) => !names.includes(name));
  if (unknown !== undefined) throw unknownSetting(unknown, fileLabel(file), names);
}

function unknownSetting(name: string, where: string, known: readonly string[]): HeddleError {
  const guess = suggestion(name, known) || "; heddle --help lists the settings there are";
  return new HeddleError("CONFIG_UNKNOWN_SETTING", `${name} in ${where} is not a setting${guess}`);
}
