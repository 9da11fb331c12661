/** The settings that are not at their defaults, and where each comes from: for `heddle check`. Pure. */

import { settingEntries } from "./settings.ts";
import { givenValue, type ConfigSources } from "./sources/sources.ts";

export interface Explained {
  readonly flag: string;
  /** As it was written. */
  readonly text: string;
  /** `--workers`, `PORT in the environment`, `timeout in heddle.config.ts`. */
  readonly origin: string;
}

export function explainSettings(sources: ConfigSources): readonly Explained[] {
  return settingEntries.flatMap(([, setting]) => {
    const written = givenValue(setting, sources);
    if (written === undefined) return [];
    const { raw, origin } = written;
    return [{ flag: setting.flag, text: textOf(raw), origin }];
  });
}

function textOf(raw: unknown): string {
  if (Array.isArray(raw)) return raw.join(", ");
  return typeof raw === "object" && raw !== null ? JSON.stringify(raw) : String(raw);
}
