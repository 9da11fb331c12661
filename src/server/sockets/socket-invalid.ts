/** The error for a wrong option or argument of a socket. */

import { HeddleError } from "../../errors/errors.ts";

export function socketInvalid(what: string, right: string, got: string, hint?: string): HeddleError {
  return new HeddleError("SOCKET_INVALID", `${what} needs ${right}, and got ${got}.`, { hint });
}
