/** What the model requires of the other settings. Pure. Only `sync` has requirements: its worker is one thread that answers one
 * request on each connection, and the arbiter gives connections to idle workers. A conflicting setting is refused, not ignored,
 * except the keep-alive, because a config file may be used with several models.
 */

import { HeddleError } from "../errors/errors.ts";
import { show } from "./setting-value.ts";
import { type Setting, settings, type SettingValues } from "./settings.ts";
import { type ConfigSources, writtenValue } from "./sources/sources.ts";

/** The values under this model. @throws HeddleError CONFIG_CONFLICT */
export function fitModel(values: SettingValues, sources: ConfigSources): SettingValues {
  if (values.model !== "sync") return values;
  const { threads, accept } = values;
  const isGiven = writtenValue(settings.threads, sources) !== undefined;
  if (isGiven && (threads.min !== 1 || threads.max !== 1)) {
    throw conflict(
      settings.threads,
      sources,
      "1, because a sync worker has one serving thread: --workers says how many requests run at once. With several threads to a worker, use the model threads",
    );
  }
  if (accept !== "handoff" && accept !== "auto") {
    throw conflict(settings.accept, sources, "handoff, because the arbiter gives each connection to an idle worker");
  }
  return { ...values, threads: { min: 1, max: 1 }, keepAliveMs: 0 };
}

function conflict(setting: Setting, sources: ConfigSources, expected: string): HeddleError {
  const { origin, raw } = writtenValue(setting, sources)!;
  return new HeddleError("CONFIG_CONFLICT", `${origin}: got ${show(raw)} with the model sync; expected ${expected}`);
}
