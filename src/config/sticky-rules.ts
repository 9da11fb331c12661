/**
 * What `--sticky` requires of the model. Pure. It leads a client to one copy of the app that serves many requests at once, which
 * only the models loop and actors have: a handler thread takes any request of its pool, and a sync worker takes one connection.
 */

import { HeddleError } from "../errors/errors.ts";
import type { RouteConfig } from "./routes/routes.ts";
import { show } from "./setting-value.ts";
import { settings, type SettingValues } from "./settings.ts";
import { type ConfigSources, writtenValue } from "./sources/sources.ts";

export function isStickyModel(model: SettingValues["model"]): boolean {
  return model === "loop" || model === "actors";
}

/** @throws HeddleError CONFIG_CONFLICT */
export function checkSticky({ model, sticky }: SettingValues, sources: ConfigSources): void {
  if (sticky === "none" || isStickyModel(model)) return;
  const { origin, raw } = writtenValue(settings.sticky, sources)!;
  throw conflict(
    `${origin}: got ${show(raw)} with the model ${model}`,
    model,
    "--model loop or actors, or --sticky none",
  );
}

/** `where` writes a route's name for the message. @throws HeddleError CONFIG_CONFLICT */
export function checkRouteSticky(
  server: SettingValues["model"],
  routes: Readonly<Record<string, RouteConfig>>,
  where: (route: string) => string,
): void {
  for (const [name, { model = server, sticky = "none" }] of Object.entries(routes)) {
    if (sticky === "none" || isStickyModel(model)) continue;
    const got = `${where(name)}: got sticky ${show(sticky)} with the model ${model}`;
    throw conflict(got, model, 'the model loop or actors for this route, or sticky "none"');
  }
}

function conflict(got: string, model: SettingValues["model"], expected: string): HeddleError {
  const why =
    model === "sync"
      ? "a sync worker has one connection at a time, so another worker's requests can't be led to it"
      : "its handlers run on handler threads, and each request on whichever is free";
  return new HeddleError("CONFIG_CONFLICT", `${got}, where ${why}; expected ${expected}`);
}
