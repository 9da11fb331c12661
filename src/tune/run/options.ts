/**
 * The command line of `heddle tune`, read: tune's own flags here, all others are settings of the server and go to it. Pure.
 *
 * `--model`, `--workers` and `--threads` fix the shape; `--shape` and `--models` name the shapes to compare. One of the two.
 */

import { type Flags, flagSpecs, type FlagSpec, parseArguments } from "../../config/config.ts";
import { parseDuration } from "../../config/notation.ts";
import { settings } from "../../config/settings.ts";
import { show, suggestion } from "../../config/setting-value.ts";
import { HeddleError } from "../../errors/errors.ts";
import { DEFAULT_BUDGET_MS, SHORTEST_BUDGET_MS } from "../sweep/budget.ts";
import type { Shape } from "../types.ts";

export interface TuneOptions {
  /** The app and settings of the server, as for `heddle serve`. */
  readonly serveArgs: readonly string[];
  /** A server that runs elsewhere, in place of an app. */
  readonly url?: string;
  readonly paths: readonly string[];
  readonly scenarioFile?: string;
  readonly budgetMs: number;
  readonly sloP95Ms?: number;
  /** Whether the user has fixed the one shape that the settings give. */
  readonly isFixed: boolean;
  /** Of `--shape`. */
  readonly shapes: readonly Shape[];
  /** Of `--models`; empty: heddle chooses. */
  readonly models: readonly string[];
  readonly json: boolean;
  readonly write: boolean;
  /** `--write` replaces what the user wrote without asking. */
  readonly yes: boolean;
  readonly compareFile?: string;
  readonly outFolder: string;
}

const OWN: readonly FlagSpec[] = [
  { flag: "path", boolean: false },
  { flag: "scenario", boolean: false },
  { flag: "url", boolean: false },
  { flag: "budget", boolean: false },
  { flag: "slo", boolean: false },
  { flag: "models", boolean: false },
  { flag: "shape", boolean: false },
  { flag: "compare", boolean: false },
  { flag: "out", boolean: false },
  { flag: "json", boolean: true },
  { flag: "write", boolean: true },
  { flag: "yes", short: "y", boolean: true },
  { flag: "help", short: "h", boolean: true },
];

const MODELS: readonly string[] = settings.model.choices ?? [];

/** undefined: `--help` was asked for. @throws HeddleError CLI_USAGE, CONFIG_UNKNOWN_FLAG, CONFIG_BAD_VALUE, CONFIG_CONFLICT */
export function readOptions(
  argv: readonly string[],
  { isExport = false }: { readonly isExport?: boolean } = {},
): TuneOptions | undefined {
  const { flags, positionals, rest } = parseArguments(argv, [...flagSpecs(), ...OWN]);
  if (flags["help"] !== undefined) return undefined;
  const last = (name: string): string | undefined => flags[name]?.at(-1);
  const isOn = (name: string): boolean => last(name) === "true";
  const isFixed = ["model", "workers", "threads"].some((name) => flags[name] !== undefined);
  const shapes = (flags["shape"] ?? []).map(readShape);
  const models = readModels(last("models"));
  const url = readUrl(last("url"));
  // What is exported is named where the app would be.
  checkConflicts(flags, isExport ? [] : positionals, url, isFixed);
  const [scenarioFile, compareFile, slo] = [last("scenario"), last("compare"), last("slo")];
  return {
    serveArgs: [...positionals, ...settingArgs(flags), ...(rest.length === 0 ? [] : ["--", ...rest])],
    ...(url === undefined ? {} : { url }),
    paths: flags["path"] ?? [],
    ...(scenarioFile === undefined ? {} : { scenarioFile }),
    budgetMs: readBudget(last("budget")),
    ...(slo === undefined ? {} : { sloP95Ms: readSlo(slo) }),
    isFixed,
    shapes,
    models,
    json: isOn("json"),
    write: isOn("write"),
    yes: isOn("yes"),
    ...(compareFile === undefined ? {} : { compareFile }),
    outFolder: last("out") ?? "heddle-tune",
  };
}

function settingArgs(flags: Flags): string[] {
  const own = new Set(OWN.map(({ flag }) => flag));
  return Object.entries(flags).flatMap(([flag, values]) =>
    own.has(flag) ? [] : values.map((value) => `--${flag}=${value}`),
  );
}

function checkConflicts(flags: Flags, positionals: readonly string[], url: string | undefined, isFixed: boolean): void {
  const conflict = (message: string): HeddleError => new HeddleError("CONFIG_CONFLICT", message);
  if (flags["path"] !== undefined && flags["scenario"] !== undefined) {
    throw conflict("got --path and --scenario; expected one of them: a scenario file can hold all requests");
  }
  const compared = ["shape", "models"].filter((name) => flags[name] !== undefined).map((name) => `--${name}`);
  if (compared.length === 2) throw conflict("got --shape and --models; expected one of them");
  if (compared.length === 1 && isFixed) {
    throw conflict(
      `got ${compared[0]} and one of --model, --workers and --threads; expected ${compared[0]} alone: the others fix one shape`,
    );
  }
  if (url === undefined) return;
  const withApp = [
    ...positionals,
    ...compared,
    ...(isFixed ? ["a fixed shape"] : []),
    ...(flags["write"] === undefined ? [] : ["--write"]),
  ];
  if (withApp.length > 0) {
    throw conflict(
      `got --url and ${withApp.join(", ")}; expected --url alone: heddle does not start that server, so it has no shape to choose`,
    );
  }
}

function readBudget(text: string | undefined): number {
  if (text === undefined) return DEFAULT_BUDGET_MS;
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= SHORTEST_BUDGET_MS) return ms;
  throw bad("budget", text, `a time of at least ${SHORTEST_BUDGET_MS / 1000}s, such as 60s or 10m`);
}

function readSlo(text: string): number {
  const [, ms] = /^p95=(.+)$/.exec(text) ?? [];
  const value = ms === undefined ? undefined : parseDuration(ms);
  if (value !== undefined && value > 0) return value;
  throw bad("slo", text, "p95=TIME, such as p95=200ms");
}

function readUrl(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (text.startsWith("unix:"))
    throw bad("url", text, "an address that is reached over TCP, such as http://127.0.0.1:8000");
  const url = URL.parse(/^[a-z]+:\/\//i.test(text) ? text : `http://${text}`);
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    throw bad("url", text, "the address of a server, such as http://127.0.0.1:8000");
  }
  if (url.username !== "" || url.password !== "") {
    const shown = `${url.protocol}//…@${url.host}`;
    throw bad("url", shown, `${url.origin}: a scenario file (--scenario) can send an authorization header`);
  }
  if (url.pathname !== "/" || url.search !== "") {
    throw bad("url", text, `the address without a path: --url ${url.origin} --path '${url.pathname}${url.search}'`);
  }
  return url.origin;
}

function readModels(text: string | undefined): readonly string[] {
  if (text === undefined) return [];
  if (text === "all") return MODELS;
  const names = text.split(",").map((name) => name.trim());
  const wrong = names.find((name) => !MODELS.includes(name));
  if (wrong === undefined) return [...new Set(names)];
  throw bad("models", text, `all, or some of ${MODELS.join(", ")}, with commas between${suggestion(wrong, MODELS)}`);
}

/** `loop:2x1`: model, workers, threads. `sync:4`: a worker of sync has one thread. */
export function readShape(text: string): Shape {
  const [, model = "", workers, threads = "1"] = /^([a-z-]+):(\d{1,4})(?:[x×](\d{1,4}))?$/.exec(text) ?? [];
  const shape = { model, workers: Number(workers), threads: Number(threads) };
  if (MODELS.includes(model) && shape.workers >= 1 && shape.threads >= 1) {
    if (model !== "sync" || shape.threads === 1) return shape;
    throw bad("shape", text, `sync:${shape.workers}: a worker of sync has one thread`);
  }
  throw bad("shape", text, `MODEL:WORKERSxTHREADS, such as loop:2x1 or threads:1x8${suggestion(model, MODELS)}`);
}

function bad(flag: string, got: string, expected: string): HeddleError {
  return new HeddleError("CONFIG_BAD_VALUE", `--${flag}: got ${show(got)}; expected ${expected}`);
}
