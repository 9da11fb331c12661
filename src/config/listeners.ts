/** What to listen on. `--listen` and `--host`/`--port` are alternatives. The source with the highest priority wins (flag >
 * systemd's sockets > environment > file). Both alternatives in one source are a conflict.
 *
 * Sockets from systemd win over everything except flags, because they were opened for this process. heddle's own variables win
 * over PORT: platforms set PORT for every program, so it does not contradict HEDDLE_LISTEN.
 */

import { HeddleError } from "../errors/errors.ts";
import { formatListenAddress, passedAddresses, type ListenAddress } from "./listen-address.ts";
import type { Written } from "./setting-value.ts";
import { envName, settings, type Setting, type SettingValues } from "./settings.ts";
import { fromEnvironment, fromFile, fromFlags, fromVariable, type ConfigSources } from "./sources/sources.ts";

/** @throws HeddleError CONFIG_CONFLICT */
export function chooseListeners(
  sources: ConfigSources,
  { host, port, listen = [] }: Pick<SettingValues, "host" | "port" | "listen">,
): readonly ListenAddress[] {
  const { flags, env, file, pid } = sources;
  const hostAndPort: ListenAddress = { kind: "tcp", host, port };
  const saidIn = (lookup: (setting: Setting) => Written | undefined): readonly ListenAddress[] | undefined => {
    const list = lookup(settings.listen);
    const single = lookup(settings.port) ?? lookup(settings.host);
    if (list !== undefined && single !== undefined) throw conflict(list, single, hostAndPort);
    if (list !== undefined) return listen;
    return single === undefined ? undefined : [hostAndPort];
  };
  const passed = passedAddresses(env, pid);
  return (
    saidIn((setting) => fromFlags(setting, flags)) ??
    (passed.length > 0 ? passed : undefined) ??
    saidIn((setting) => fromVariable(setting, envName(setting), sources)) ??
    saidIn((setting) => fromEnvironment(setting, sources)) ??
    saidIn((setting) => fromFile(setting, file)) ?? [hostAndPort]
  );
}

function conflict(list: Written, single: Written, address: ListenAddress): HeddleError {
  return new HeddleError(
    "CONFIG_CONFLICT",
    `got both ${list.origin} and ${single.origin}; expected one: an address holds host and port, as in ${formatListenAddress(address)}`,
  );
}
