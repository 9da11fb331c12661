/** The namespaces that an app sees. */

import { checkNamespace } from "./arguments.ts";
import { SharedMap } from "./shared-map.ts";

/** The namespace without a name. */
export const shared: SharedMap = new SharedMap("");

/**
 * The keys of one purpose: `const limits = namespace("limits")`. Two namespaces share no keys, and `clear` empties one.
 *
 * @throws HeddleError SHARED_INVALID, SHARED_TOO_LARGE
 */
export function namespace(name: string): SharedMap {
  checkNamespace(name);
  return new SharedMap(name);
}
