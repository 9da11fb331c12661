/** Which models routes may have in a server of another model. Pure. Serving threads use it too, for the routes that an app
 * exports, without loading the rest of the configuration.
 */

import { HeddleError } from "../../errors/errors.ts";
import type { RouteConfig } from "./routes.ts";
import { show } from "../setting-value.ts";
import type { SettingValues } from "../settings.ts";

/** `where` writes a route's name for the message. @throws HeddleError CONFIG_CONFLICT */
export function checkRouteModels(
  model: SettingValues["model"],
  routes: Readonly<Record<string, RouteConfig>>,
  where: (route: string) => string,
): void {
  for (const [name, route] of Object.entries(routes)) {
    if (route.model === undefined || route.model === model) continue;
    const got = `${where(name)}: got the model ${show(route.model)}`;
    if (route.model === "sync") {
      throw new HeddleError(
        "CONFIG_CONFLICT",
        `${got}, which needs workers of its own; expected --model sync for the whole server, or the model threads for this route`,
      );
    }
    if (model === "sync") {
      throw new HeddleError(
        "CONFIG_CONFLICT",
        `${got} in a server with --model sync, whose workers run everything on their only thread; expected no model here, or another --model, such as loop`,
      );
    }
  }
}
