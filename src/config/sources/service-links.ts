/** Variables that are not settings: for each Service of a pod's namespace Kubernetes sets some in every container, and so does
 * Docker for each link. Those of a Service named `heddle`, or `heddle-…`, begin with `HEDDLE_`. Pure.
 *
 *   HEDDLE_SERVICE_HOST=10.0.0.1               HEDDLE_PORT=tcp://10.0.0.1:8000
 *   HEDDLE_SERVICE_PORT=8000                   HEDDLE_PORT_8000_TCP=tcp://10.0.0.1:8000
 *   HEDDLE_SERVICE_PORT_HTTP=8000              HEDDLE_PORT_8000_TCP_PROTO=tcp, …_PORT=8000, …_ADDR=10.0.0.1
 *   Docker alone: HEDDLE_NAME=/web/heddle, HEDDLE_ENV_…, and …_START, …_END for ranges of ports
 * A variable is one of them only if both its name and its value match, and only if there is an anchor: a variable with the
 * Service's address. So a misspelt setting is still an error, even if it ends in `_PORT` and is a number.
 */

import { isIP } from "node:net";
import { show } from "../setting-value.ts";
import { envName, settingEntries, settings } from "../settings.ts";
import { givenValue, writtenValue, type ConfigSources, type Environment } from "./sources.ts";

export interface ServiceLinks {
  /** `heddle`, `heddle-web`. */
  readonly services: readonly string[];
  /** The variables they have set, sorted. */
  readonly names: readonly string[];
}

/** undefined: there are none. */
export function serviceLinks(env: Environment): ServiceLinks | undefined {
  const candidates = Object.entries(env).filter(([name]) => name.startsWith("HEDDLE_"));
  const prefixes = new Set(candidates.flatMap(([name, value = ""]) => anchored(name, value) ?? []));
  const names = candidates.flatMap(([name, value = ""]) =>
    [...prefixes].some(
      (prefix) => name.startsWith(`${prefix}_`) && isLink(name.slice(prefix.length + 1), value, env, prefix),
    )
      ? [name]
      : [],
  );
  if (names.length === 0) return undefined;
  return {
    services: [...prefixes].sort().map((prefix) => prefix.toLowerCase().replaceAll("_", "-")),
    names: names.sort(),
  };
}

/** The environment without them. */
export function withoutLinks(env: Environment, links: ServiceLinks | undefined): Environment {
  if (links === undefined) return env;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !links.names.includes(name)));
}

/** For the log: the ignored variables, how to prevent them, and the values of settings with the same names. `sources`: without them. */
export function tellLinks({ services, names }: ServiceLinks, sources: ConfigSources): string {
  const of = services.map((name) => JSON.stringify(name)).join(", ");
  const isListening = givenValue(settings.listen, sources) !== undefined;
  const shadowed = settingEntries
    .filter(([name, setting]) => names.includes(envName(setting)) && !(name === "port" && isListening))
    .map(([, setting]) => {
      const written = writtenValue(setting, sources);
      return written === undefined
        ? ` --${setting.flag} is not set.`
        : ` --${setting.flag} is ${show(written.raw)}: ${written.origin}.`;
    });
  return (
    `ignored, because they are not settings of heddle: ${names.join(", ")}. Kubernetes (or a Docker link) sets them for the Service ${of}. ` +
    `To prevent it, set enableServiceLinks: false in the pod's spec, or rename the Service.${shadowed.join("")}`
  );
}

/** The prefix of the Service's variables, if this one tells its address. */
function anchored(name: string, value: string): string | undefined {
  const host = /^(HEDDLE(?:_\w+)?)_SERVICE_HOST$/.exec(name)?.[1];
  if (host !== undefined && isAddress(value)) return host;
  const port = /^(HEDDLE(?:_\w+?)?)_PORT(?:_\d+_(?:TCP|UDP|SCTP))?$/.exec(name)?.[1];
  return port !== undefined && isUrl(value) ? port : undefined;
}

/** `rest`: the name after the prefix. */
function isLink(rest: string, value: string, env: Environment, prefix: string): boolean {
  if (rest === "SERVICE_HOST") return isAddress(value);
  if (/^SERVICE_PORT(_\w+)?$/.test(rest)) return isPort(value);
  if (rest === "PORT") return isUrl(value);
  const part = /^PORT_\d+_(?:TCP|UDP|SCTP)(?:_(PROTO|PORT|ADDR|START|END|PORT_START|PORT_END))?$/.exec(rest);
  if (part !== null) return forms[part[1] ?? ""]!(value);
  const isDocker = isContainerPath(env[`${prefix}_NAME`]);
  return isDocker && (rest === "NAME" || (rest.startsWith("ENV_") && !isSetting(`${prefix}_${rest}`)));
}

const forms: Readonly<Record<string, (value: string) => boolean>> = {
  "": isUrl,
  START: isUrl,
  END: isUrl,
  PROTO: (value) => /^(?:tcp|udp|sctp)$/.test(value),
  PORT: isPort,
  PORT_START: isPort,
  PORT_END: isPort,
  ADDR: isAddress,
};

/** `tcp://10.0.0.1:8000`, `udp://[fd00::1]:53`. */
function isUrl(value: string): boolean {
  const [, bracketed, plain, port] = /^(?:tcp|udp|sctp):\/\/(?:\[([^\]]+)\]|([^:[\]]+)):(\d+)$/.exec(value) ?? [];
  return port !== undefined && isPort(port) && isAddress(bracketed ?? plain ?? "");
}

/** Whether it is a Service's address: 0.0.0.0 or a loopback address is a setting, an address to listen on. */
function isAddress(value: string): boolean {
  return isIP(value) !== 0 && !/^(?:0\.0\.0\.0|127\..*|::1?)$/.test(value);
}

function isPort(value: string): boolean {
  return /^\d{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= 65_535;
}

/** `/web/heddle`: the container that has the link, and its name for the other. */
function isContainerPath(value: string | undefined): boolean {
  return /^\/[^/\s]+\/[^/\s]+$/.test(value ?? "");
}

function isSetting(name: string): boolean {
  return settingEntries.some(([, setting]) => envName(setting) === name);
}
