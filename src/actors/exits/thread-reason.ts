/** Why the actors of a thread that has ended are gone, as others see it. */

import type { HeddleError } from "../../errors/errors.ts";
import type { ExitReason } from "../process/exit-reason.ts";

/** `noconnection`, as in Erlang, or the error that says why the thread was given up. */
export function threadReason(why: HeddleError): ExitReason {
  return why.code === "THREAD_QUARANTINED" ? why : "noconnection";
}
