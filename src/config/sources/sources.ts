/** Where settings come from, and which value wins: flag > environment > config file > default. */

import { basename } from "node:path";
import { HeddleError } from "../../errors/errors.ts";
import type { FoundApp } from "../app/find-app.ts";
import type { Flags } from "./arguments.ts";
import type { ConfigFile } from "./file.ts";
import { collects } from "../kinds.ts";
import { suggestion, type Written } from "../setting-value.ts";
import { envName, fileName, settingEntries, type Setting } from "../settings.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment, and what env files add to it. */
export interface Variables {
  /** Both together: the environment wins over the files. */
  readonly env: Environment;
  /** Which of them come from a file, and what messages call that file. */
  readonly envFileOf?: Readonly<Record<string, string>> | undefined;
}

/** The given settings, and everything that depends on where heddle runs. */
export interface ConfigSources extends Variables {
  /** The app as named on the command line. */
  readonly app?: string | undefined;
  /** If it is named nowhere. */
  readonly found?: FoundApp | undefined;
  /** What stands behind `--` there. */
  readonly appArgs?: readonly string[];
  readonly flags: Flags;
  readonly file?: ConfigFile | undefined;
  readonly cwd: string;
  /** To tell whether systemd's sockets are for this process. */
  readonly pid: number;
  /** Whether standard output is a terminal. */
  readonly isTTY: boolean;
  readonly cpus: number;
}

export function writtenValue(setting: Setting, sources: ConfigSources): Written | undefined {
  return givenValue(setting, sources) ?? fromDefault(setting);
}

/** The same, without the default. */
export function givenValue(setting: Setting, sources: ConfigSources): Written | undefined {
  const { flags, file } = sources;
  return fromFlags(setting, flags) ?? fromEnvironment(setting, sources) ?? fromFile(setting, file);
}

export function fromFlags({ flag, kind }: Setting, flags: Flags): Written | undefined {
  const given = flags[flag];
  if (given === undefined) return undefined;
  return { raw: collects(kind) ? given : given.at(-1), origin: `--${flag}` };
}

/** heddle's own variable, otherwise the platform's. */
export function fromEnvironment(setting: Setting, variables: Variables): Written | undefined {
  const own = fromVariable(setting, envName(setting), variables);
  return own ?? (setting.extraEnv === undefined ? undefined : fromVariable(setting, setting.extraEnv, variables));
}

/** An empty variable counts as unset: that is how compose files and shells spell "no value". */
export function fromVariable({ kind }: Setting, name: string, variables: Variables): Written | undefined {
  const text = variables.env[name] ?? "";
  if (text === "") return undefined;
  return { raw: collects(kind) ? text.split(",") : text, origin: `${name} in ${placeOf(name, variables)}` };
}

function placeOf(name: string, { envFileOf = {} }: Variables): string {
  return Object.hasOwn(envFileOf, name) ? envFileOf[name]! : "the environment";
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

/** What a server tells its app: a heddle command that the app runs has them in its environment. */
const ofInstances: ReadonlySet<string> = new Set([
  "HEDDLE_WORKER_INDEX",
  "HEDDLE_THREAD_INDEX",
  "HEDDLE_SHARED",
  "HEDDLE_ACTORS",
]);

/** A misspelt name is an error, and so is a setting that is read too late: otherwise the default would apply silently.
 * @throws HeddleError CONFIG_UNKNOWN_SETTING, CONFIG_CONFLICT
 */
export function checkNames(sources: ConfigSources): void {
  const { env, envFileOf = {}, file } = sources;
  const variables = settingEntries.map(([, setting]) => envName(setting));
  const strange = Object.keys(env).find(
    (name) => name.startsWith("HEDDLE_") && !variables.includes(name) && !ofInstances.has(name),
  );
  if (strange !== undefined) throw unknownSetting(strange, placeOf(strange, sources), variables);
  const late = settingEntries.find(
    ([name, setting]) =>
      (setting.notInFile === true || name === "envFiles") && Object.hasOwn(envFileOf, envName(setting)),
  )?.[1];
  if (late !== undefined) {
    throw new HeddleError(
      "CONFIG_CONFLICT",
      `${envName(late)} in ${placeOf(envName(late), sources)} is read too late: heddle needs it before it reads the file; expected it in the environment, or as --${late.flag}`,
    );
  }

  const inFile = settingEntries.flatMap(([, setting]) => (setting.notInFile === true ? [] : [fileName(setting)]));
  const names = [...inFile, "app", "routes"];
  const unknown = Object.keys(file?.settings ?? {}).find((name) => !names.includes(name));
  if (unknown !== undefined) throw unknownSetting(unknown, fileLabel(file), names);
}

function unknownSetting(name: string, where: string, known: readonly string[]): HeddleError {
  const guess = suggestion(name, known) || "; heddle --help lists all settings";
  return new HeddleError("CONFIG_UNKNOWN_SETTING", `${name} in ${where} is not a setting${guess}`);
}
