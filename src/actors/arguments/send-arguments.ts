/** The options of `send`. */

import { invalid, mustBeBoolean, mustBeOptions } from "./arguments.ts";

/** @throws ACTOR_INVALID */
export function checkSend(options: unknown): void {
  mustBeOptions(options, "the options of send()", "{ transfer: [buffer] }");
  const { transfer, priority } = options as { readonly transfer?: unknown; readonly priority?: unknown };
  if (priority !== undefined) mustBeBoolean(priority, "the option `priority` of send()");
  if (transfer !== undefined && !Array.isArray(transfer)) {
    throw invalid("the option `transfer` of send()", "an array of what is to be moved", transfer);
  }
}
