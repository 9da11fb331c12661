/** A thread that was not ready in time: when it is given up, and what is said of it. */

import type { ServerConfig } from "../../../config/config.ts";
import { HeddleError } from "../../../errors/errors.ts";

export function bootTimeout(config: ServerConfig): HeddleError {
  return new HeddleError(
    "BOOT_TIMEOUT",
    `${config.app}: the app was not ready within --boot-timeout (${config.bootTimeoutMs} ms).`,
    {
      hint: "It blocks its thread while it loads, or its onStart does not end. Raise --boot-timeout if it only needs longer.",
    },
  );
}

/**
 * The thread itself gives up at the boot timeout and can say more. This is for a thread that can't. On a busy machine a
 * thread's clock starts a second after it was started.
 */
export const BOOT_GRACE_MS = 2000;
