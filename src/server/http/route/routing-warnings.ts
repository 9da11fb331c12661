/** Warnings, at start and by `heddle check`, about routes that compare paths differently from the app's own router. Pure. */

import type { OwnRouter } from "../../app/load/own-router.ts";
import type { RouteSpelling } from "../../../config/routes/route-forms.ts";

/** One sentence for each difference. */
export function routingWarnings(
  router: OwnRouter | undefined,
  { routeCase, routeTrailingSlash }: RouteSpelling,
): readonly string[] {
  if (router === undefined) return [];
  const { framework, ignoresCase, ignoresTrailingSlash, others, distinguishingOptions } = router;
  const warnings: string[] = [];
  if (ignoresCase && routeCase === "sensitive") {
    warnings.push(leaves(framework, "/Report", "--route-case insensitive", distinguishingOptions.case));
  } else if (!ignoresCase && routeCase === "insensitive") {
    warnings.push(`the routes treat /Report as /report, but ${framework} does not. Set --route-case sensitive.`);
  }
  if (ignoresTrailingSlash && routeTrailingSlash === "strict") {
    warnings.push(leaves(framework, "/report/", "--route-trailing-slash ignore", distinguishingOptions.trailingSlash));
  } else if (!ignoresTrailingSlash && routeTrailingSlash === "ignore") {
    warnings.push(
      `the routes treat /report/ as /report, but ${framework} does not. Set --route-trailing-slash strict.`,
    );
  }
  for (const option of others) {
    warnings.push(
      `${framework} runs with ${option}, which the routes do not know: another spelling of a path can evade its route, and with it the route's model, limit and timeout. Turn ${option} off.`,
    );
  }
  return warnings;
}

function leaves(framework: string, other: string, setting: string, option: string): string {
  return `${framework} treats ${other} as /report, but the routes do not: a request for ${other} evades the route, and with it the route's model, limit and timeout. Set ${setting}, or make ${framework} tell them apart (${option}).`;
}
