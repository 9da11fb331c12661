/** What is told at start, and by `heddle check`, of a table of routes that compares paths otherwise than the app's own router. Pure. */

import type { OwnRouter } from "../../app/load/own-router.ts";
import type { RouteSpelling } from "../../../config/routes/route-forms.ts";

/** One sentence for each difference. */
export function routingTold(
  router: OwnRouter | undefined,
  { routeCase, routeTrailingSlash }: RouteSpelling,
): readonly string[] {
  if (router === undefined) return [];
  const { framework, ignoresCase, ignoresTrailingSlash, others, distinguishingOptions } = router;
  const told: string[] = [];
  if (ignoresCase && routeCase === "sensitive") {
    told.push(leaves(framework, "/Report", "--route-case insensitive", distinguishingOptions.case));
  } else if (!ignoresCase && routeCase === "insensitive") {
    told.push(`the table of routes takes /Report for /report, and ${framework} does not: set --route-case sensitive.`);
  }
  if (ignoresTrailingSlash && routeTrailingSlash === "strict") {
    told.push(leaves(framework, "/report/", "--route-trailing-slash ignore", distinguishingOptions.trailingSlash));
  } else if (!ignoresTrailingSlash && routeTrailingSlash === "ignore") {
    told.push(
      `the table of routes takes /report/ for /report, and ${framework} does not: set --route-trailing-slash strict.`,
    );
  }
  for (const option of others) {
    told.push(
      `${framework} runs with ${option}, and the table of routes knows nothing of the kind: a request written so can leave its route, and with it the route's model, limit and timeout. Turn ${option} off.`,
    );
  }
  return told;
}

function leaves(framework: string, other: string, setting: string, option: string): string {
  return `${framework} takes ${other} for /report, and the table of routes does not: a request written so leaves its route, and with it the route's model, limit and timeout. Set ${setting}, or have ${framework} tell them apart (${option}).`;
}
