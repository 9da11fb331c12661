/** The table of settings. One record per setting defines its flag, environment variable, name in the config file, validation,
 * `--help`, docs/reference/settings.md, and the types below. To add a setting, edit the file of its group in settings/. The
 * record's key is the field of `ServerConfig` and has the unit (`timeoutMs`); the flag has none (`--timeout 30s`).
 */

import type { KindInputs, KindName, KindValues } from "./kinds.ts";
import { developSettings } from "./settings/develop.ts";
import { environmentSettings } from "./settings/environment.ts";
import { gateSettings } from "./settings/gate.ts";
import { lifecycleSettings } from "./settings/lifecycle.ts";
import { limitSettings } from "./settings/limits.ts";
import { listenSettings } from "./settings/listen.ts";
import { modelSettings } from "./settings/model.ts";
import { observeSettings } from "./settings/observe.ts";
import { sharedSettings } from "./settings/shared.ts";

export interface Setting {
  /** Without its dashes. The environment variable and the name in the config file are derived from it. */
  readonly flag: string;
  readonly short?: string;
  readonly kind: KindName;
  /** For kind `choice`. */
  readonly choices?: readonly string[];
  /** In the kind's own unit: ms, bytes. */
  readonly min?: number;
  readonly max?: number;
  /** A variable set by platforms, read when heddle's own is not set. */
  readonly extraEnv?: string;
  /** As a user would write it. With neither this nor `computed`, the setting is absent unless given. */
  readonly default?: string | number | boolean;
  /** Not allowed in the config file, because it is needed before that file is read. */
  readonly notInFile?: true;
  /** In words, when the default depends on where heddle runs; resolve.ts works it out. */
  readonly computed?: string;
  /** What stands for the value in `--help`, when the kind's own word is too vague. */
  readonly placeholder?: string;
  readonly doc: string;
}

type Table = typeof listenSettings &
  typeof environmentSettings &
  typeof modelSettings &
  typeof lifecycleSettings &
  typeof gateSettings &
  typeof limitSettings &
  typeof sharedSettings &
  typeof observeSettings &
  typeof developSettings;

export type SettingName = keyof Table;

export interface SettingGroup {
  readonly title: string;
  readonly settings: Readonly<Record<string, Setting>>;
}

/** In the order of `--help` and the reference. */
export const settingGroups: readonly SettingGroup[] = [
  { title: "Listening", settings: listenSettings },
  { title: "Concurrency", settings: modelSettings },
  { title: "Environment", settings: environmentSettings },
  { title: "Admission", settings: gateSettings },
  { title: "Lifecycle", settings: lifecycleSettings },
  { title: "Limits on clients", settings: limitSettings },
  { title: "Shared memory", settings: sharedSettings },
  { title: "Observing", settings: observeSettings },
  { title: "Developing", settings: developSettings },
];

export const settings: Readonly<Record<SettingName, Setting>> = Object.assign(
  {},
  ...settingGroups.map((group) => group.settings),
);

export const settingEntries: readonly (readonly [SettingName, Setting])[] = Object.entries(settings) as [
  SettingName,
  Setting,
][];

/** `HEDDLE_GRACEFUL_TIMEOUT` for `--graceful-timeout`. */
export function envName(setting: Setting): string {
  return `HEDDLE_${setting.flag.toUpperCase().replaceAll("-", "_")}`;
}

/** `gracefulTimeout` in the config file for `--graceful-timeout`. */
export function fileName(setting: Setting): string {
  return setting.flag.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

type CamelCase<Flag extends string> = Flag extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Flag;

type Value<S> = S extends { kind: "choice"; choices: readonly (infer Choice)[] }
  ? Choice
  : S extends { kind: infer K extends KindName }
    ? KindValues[K]
    : never;

type Input<S> = S extends { kind: "choice" }
  ? Value<S>
  : S extends { kind: infer K extends KindName }
    ? KindInputs[K]
    : never;

type Present = {
  [N in SettingName]: Table[N] extends { default: unknown } | { computed: string } ? N : never;
}[SettingName];

/** Every setting with its value, by field. A setting without a default is absent if it is not set. */
export type SettingValues = { readonly [N in Present]: Value<Table[N]> } & {
  readonly [N in Exclude<SettingName, Present>]?: Value<Table[N]> | undefined;
};

/** What a config file may say, by the camelCase of the flag. */
export type SettingInputs = {
  readonly [N in SettingName as CamelCase<Table[N]["flag"]>]?: Input<Table[N]> | undefined;
};
