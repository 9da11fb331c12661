/** The error and the cause of a cancelled context, as they are sent to other threads. */

import type { HeddleError } from "../../errors/errors.ts";
import { packThrown, unpackThrown, type WireThrown } from "../wire-thrown.ts";

export interface Cancellation {
  readonly error: HeddleError;
  readonly cause: unknown;
}

export interface WireCancellation {
  readonly error: WireThrown;
  /** Absent: the cause is the error itself, or its `cause`. */
  readonly cause?: WireThrown;
  readonly isErrorsCause: boolean;
}

export function packCancellation({ error, cause }: Cancellation): WireCancellation {
  const isErrorsCause = cause !== error && error.cause === cause;
  return {
    error: packThrown(error),
    isErrorsCause,
    ...(cause === error || isErrorsCause ? {} : { cause: packThrown(cause) }),
  };
}

export function unpackCancellation(wire: WireCancellation): Cancellation {
  const error = unpackThrown(wire.error) as HeddleError;
  if (wire.cause !== undefined) return { error, cause: unpackThrown(wire.cause) };
  return { error, cause: wire.isErrorsCause ? error.cause : error };
}
