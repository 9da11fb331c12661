/** Why something was not finished: the two errors of Go's contexts. Match on `code`. */

import { HeddleError } from "../../errors/errors.ts";

export function canceled(message: string, cause: unknown): HeddleError {
  return new HeddleError("CANCELED", `${message}.`, cause === undefined ? {} : { cause });
}

export function deadlineExceeded(cause?: unknown): HeddleError {
  return new HeddleError(
    "DEADLINE_EXCEEDED",
    "the context's deadline has passed.",
    cause === undefined ? {} : { cause },
  );
}
