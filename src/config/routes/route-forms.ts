/**
 * The routes of the table, in the form in which requests are compared with them: see path-form.ts. Pure.
 *
 * An exact path has the form of the request that it means. Of a pattern the text has: `%7E` in `/%7Euser/:id` is `~`, since no
 * request has `%7E` in its form. Names, groups in parentheses and escaped characters are left as they are written: what is in
 * parentheses is a regular expression, which sees the form.
 *
 * `routeCase` and `routeTrailingSlash` have the table ignore what the app's own router ignores.
 */

import { HeddleError } from "../../errors/errors.ts";
import { pathForm, textForm } from "./path-form.ts";
import type { SettingValues } from "../settings.ts";

export type RouteSpelling = Pick<SettingValues, "routeCase" | "routeTrailingSlash">;

export interface RouteForm {
  /** undefined: any. */
  readonly method: string | undefined;
  /** Exact: what `spelled` makes of a request's path. A pattern: for URLPattern. */
  readonly path: string;
  readonly isPattern: boolean;
}

/** @throws HeddleError CONFIG_BAD_VALUE */
export function routeForm(name: string, spelling: RouteSpelling): RouteForm {
  const [, method, path] = /^(?:(\S+)\s+)?(\/.*)$/.exec(name) ?? [];
  if (path === undefined) throw bad(name, 'expected "/path" or "METHOD /path".');
  if (!/[:*?{}()+\\]/.test(path)) return { method, path: spelled(pathForm(path), spelling), isPattern: false };
  return { method, path: patternForm(name, path, spelling), isPattern: true };
}

/** The path of a request as exact routes are looked up. */
export function spelled(path: string, { routeCase, routeTrailingSlash }: RouteSpelling): string {
  const cased = routeCase === "insensitive" ? path.toLowerCase() : path;
  return routeTrailingSlash === "ignore" && cased.length > 1 && cased.endsWith("/") ? cased.slice(0, -1) : cased;
}

/** Each route with its form, in order. @throws HeddleError CONFIG_BAD_VALUE two of them are the same */
export function routeForms<R>(
  routes: Readonly<Record<string, R>>,
  spelling: RouteSpelling,
): readonly (RouteForm & { readonly name: string; readonly settings: R })[] {
  const names = new Map<string, string>();
  return Object.entries(routes).map(([name, settings]) => {
    const form = routeForm(name, spelling);
    const key = keyOf(form);
    const other = names.get(key);
    if (other !== undefined) {
      throw new HeddleError(
        "CONFIG_BAD_VALUE",
        `routes: ${JSON.stringify(other)} and ${JSON.stringify(name)} are the same route, ${JSON.stringify(key)}; expected one of them.`,
        {
          hint: "Paths are normalized before they are compared: dot segments and unneeded percent-encoding are removed, and --route-case and --route-trailing-slash apply.",
        },
      );
    }
    names.set(key, name);
    return { ...form, name, settings };
  });
}

/** A route of the config file replaces the app's route with the same normalized path. */
export function mergeRoutes<R>(
  ofApp: Readonly<Record<string, R>>,
  configured: Readonly<Record<string, R>>,
  spelling: RouteSpelling,
): Readonly<Record<string, R>> {
  const replacing = new Map(routeForms(configured, spelling).map((route) => [keyOf(route), route]));
  const merged: Record<string, R> = {};
  for (const route of routeForms(ofApp, spelling)) {
    const { name, settings } = replacing.get(keyOf(route)) ?? route;
    merged[name] = settings;
  }
  return { ...merged, ...configured };
}

function keyOf({ method, path }: RouteForm): string {
  return method === undefined ? path : `${method} ${path}`;
}

const TOKEN = /\\.|:[\p{ID_Start}_$][\p{ID_Continue}$]*|%[\dA-Fa-f]{2}|./gu;

function patternForm(name: string, pattern: string, { routeCase, routeTrailingSlash }: RouteSpelling): string {
  let form = "";
  /** The same, with a letter in place of each part that is not literal text. */
  let text = "";
  let depth = 0;
  let afterName = false;
  for (const [token] of pattern.matchAll(TOKEN)) {
    if (token === "(") depth++;
    const isText = depth === 0 && !/^(?:\\.?|:.+|[{}*+?()])$/u.test(token);
    let written = isText ? textForm(token) : token;
    if (isText && routeCase === "insensitive") written = written.toLowerCase();
    text += isText ? written : "x";
    // `:id%61` is a name and an `a`: in braces, or the name would be `ida`.
    form += afterName && token.startsWith("%") && /^\w$/.test(written) ? `{${written}}` : written;
    afterName = depth === 0 && /^:./.test(token);
    if (token === ")") depth--;
  }
  if (/\/\.{1,2}(?:\/|$)/.test(text)) {
    throw bad(name, "a pattern may not have the segments . and ..; expected the path without them.");
  }
  if (routeTrailingSlash !== "ignore") return form;
  return `${text.endsWith("/") ? form.slice(0, -1) : form}{/}?`;
}

function bad(name: string, problem: string): HeddleError {
  return new HeddleError("CONFIG_BAD_VALUE", `Route ${JSON.stringify(name)}: ${problem}`);
}
