/**
 * How a server of this installation is called, and what it prints. The command line that serves an app in one shape, for measuring. Pure. The user's own settings stay, except for:
 *
 * - where it listens and is controlled, so that it runs beside a server of the same app;
 * - what would replace or reload workers in the middle of a measurement.
 */

import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArguments } from "../../config/config.ts";
import type { Shape } from "../types.ts";

/** A module of `cli`, which ends with this process: run and not imported. */
export const SERVER: string = fileURLToPath(
  new URL(import.meta.url.replace(/tune\/probe\/[^/]*(\.[jt]s)$/, "cli/tuned-server-main$1")),
);

/** Not the user's while the app is measured. */
const REPLACED: readonly string[] = [
  "host",
  "port",
  "listen",
  "control",
  "pid-file",
  "health-port",
  "watch",
  "inspect",
  "model",
  "workers",
  "threads",
  "max-requests",
  "max-memory",
  "max-age",
  "stop-delay",
  "graceful-timeout",
];

/** After a measurement nothing is in flight, or what is left is not worth waiting for. */
const GRACEFUL_TIMEOUT_MS = 2000;
const LAST_LINES = 10;

/** `args`: app and settings, as for `heddle serve`. `folder`: for the server's files. @throws HeddleError as parseArguments */
export function serveArguments(args: readonly string[], shape: Shape): (folder: string) => string[] {
  const { positionals, flags, rest } = parseArguments(args);
  const kept = Object.entries(flags).flatMap(([flag, values]) =>
    REPLACED.includes(flag) || (flag === "config" && shape.routes !== undefined)
      ? []
      : values.map((value) => `--${flag}=${value}`),
  );
  return (folder) => [
    "serve",
    ...positionals,
    ...kept,
    "--host=127.0.0.1",
    "--port=0",
    `--control=${folder}/control`,
    ...(shape.routes === undefined ? [] : [`--config=${folder}/${CONFIG_NAME}`]),
    // The config file may name another one, which the running server has.
    `--pid-file=${folder}/pid`,
    "--health-port=0",
    "--no-watch",
    "--max-requests=0",
    "--max-memory=0",
    "--max-age=0",
    "--stop-delay=0",
    `--graceful-timeout=${GRACEFUL_TIMEOUT_MS}`,
    `--model=${shape.model}`,
    `--workers=${shape.workers}`,
    // A sync worker has one thread, and accepts no other number.
    `--threads=${shape.model === "sync" ? 1 : shape.threads}`,
    // A limit in the config file, such as an earlier tune's, would hide the knee. One on the command line is meant.
    ...(flags["limit"] === undefined ? ["--limit=0"] : []),
    ...(rest.length === 0 ? [] : ["--", ...rest]),
  ];
}

/** In the folder of a server whose shape has routes. */
export const CONFIG_NAME = "routes.config.mjs";

/** The text of a config file that is the user's, and gives routes their models: no flag does. `configFile`: the user's, absolute. */
export function configWithRoutes(configFile: string | undefined, routes: NonNullable<Shape["routes"]>): string {
  const own =
    configFile === undefined ? "const own = {};" : `import own from ${JSON.stringify(pathToFileURL(configFile).href)};`;
  const lines = Object.entries(routes).map(
    ([key, { model, threads }]) =>
      `    ${JSON.stringify(key)}: { ...own.routes?.[${JSON.stringify(key)}], model: ${JSON.stringify(model)}, threads: ${threads} },\n`,
  );
  return `${own}\nexport default {\n  ...own,\n  routes: {\n    ...own.routes,\n${lines.join("")}  },\n};\n`;
}

/** What the server printed as its error, or else its last lines, without those of its log that tell of no trouble. */
export function ownMessage(output: string): string {
  const lines = output.trimEnd().split("\n").filter(isTrouble);
  const at = lines.findLastIndex((line) => line.startsWith("heddle: "));
  return (at === -1 ? lines.slice(-LAST_LINES) : lines.slice(at)).join("\n").replace(/^heddle: /, "");
}

/** Pino's numbers. */
const LEVELS = { warn: 40, error: 50 } as const;

/** The message of the last error in the server's log, which is JSON if its output is no terminal. undefined: there is none. */
export function lastError(output: string): string | undefined {
  return output
    .split("\n")
    .map(logged)
    .findLast((line) => line !== undefined && line.level >= LEVELS.error)?.msg;
}

function isTrouble(line: string): boolean {
  const { level = LEVELS.warn } = logged(line) ?? {};
  return level >= LEVELS.warn;
}

interface Logged {
  readonly level: number;
  readonly msg?: string;
}

/** A line of heddle's log. undefined: the app's own output, or the end of a line whose beginning is no longer kept. */
function logged(line: string): Logged | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const value = JSON.parse(line) as Partial<Logged>;
    return typeof value.level === "number" ? (value as Logged) : undefined;
  } catch {
    return undefined;
  }
}
