/**
 * What is known of one application of the compatibility matrix: a file of `catalog/` exports one record by default.
 *
 * The application is written as its own documentation would have it. It does not know heddle: it listens on `PORT`, and cleans up in
 * the hook that it has for that. The hook appends a line to the file `CLEANUP_FILE`, so that a check can see that it has run.
 */

import type { Request } from "./requests.ts";
import type { Service } from "./services.ts";

export const groups = [
  "Frameworks",
  "APIs and GraphQL",
  "Renderers",
  "Realtime",
  "Native add-ons",
  "Databases and queues",
  "Middleware and uploads",
  "Logging, metrics, ending",
  "Threads and clients inside",
  "Preloads",
] as const;

export type Group = (typeof groups)[number];

export const checks = ["starts", "answers", "reload", "stop", "monitoring"] as const;

export type Check = (typeof checks)[number];

export const heddleShapes = ["default", "threads 2", "model threads"] as const;

export type HeddleShape = (typeof heddleShapes)[number];

export interface Exception {
  readonly check: Check;
  /** Default: each of them. */
  readonly shapes?: readonly HeddleShape[];
  /** The requests that it is about, by their names. Default: whatever fails in this check. */
  readonly requests?: readonly string[];
  /** The footnote, in sentences. */
  readonly why: string;
}

export interface AppRecord {
  readonly name: string;
  readonly group: Group;
  /** What the page says of it besides its name, if the name is not enough. */
  readonly about?: string;
  /** Exact versions. */
  readonly packages: Readonly<Record<string, string>>;
  /** Packages of which npm may run install scripts. */
  readonly installScripts?: readonly string[];
  /** By their path in the application's folder. */
  readonly files: Readonly<Record<string, string>>;
  /** Of its package.json. */
  readonly type?: "module";
  /** The file that `node` and `heddle serve` are given. Default: `app.mjs`. */
  readonly main?: string;
  /** Commands that run once in the application's folder, after the packages are installed. */
  readonly build?: readonly (readonly string[])[];
  /** A server that it needs beside it. It is told by the environment: REDIS_PORT, REDIS_URL. */
  readonly service?: Service;
  /** Options of `heddle serve` that it needs in each shape. `about` should name them. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Options for Node, as in NODE_OPTIONS: `--import tsx`. */
  readonly nodeOptions?: string;
  readonly requests: readonly Request[];
  /** The name of the request that clients repeat while heddle reloads. Default: the first one. */
  readonly load?: string;
  /** Why a check does not apply. */
  readonly notApplicable?: Partial<Readonly<Record<Check, string>>>;
  /** Failures that are known and explained. One that does not happen any more is reported. */
  readonly exceptions?: readonly Exception[];
}

export function mainFile(app: AppRecord): string {
  return app.main ?? "app.mjs";
}

/** Groups of which the rows are not about how requests reach an application. */
const NOT_MONITORED: ReadonlySet<Group> = new Set([
  "Native add-ons",
  "Databases and queues",
  "Threads and clients inside",
  "Preloads",
]);

const SEEN_ELSEWHERE =
  "Requests reach this app as they reach the others, of which monitoring is checked; what it is about does not see them.";

/** Why a check does not apply to an application, if it does not. */
export function notApplicable(app: AppRecord, check: Check): string | undefined {
  const why = app.notApplicable?.[check];
  return why ?? (check === "monitoring" && NOT_MONITORED.has(app.group) ? SEEN_ELSEWHERE : undefined);
}

export function isExact(version: string): boolean {
  return /^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version);
}
