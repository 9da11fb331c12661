/** `Context.afterFunc`: Go's `context.AfterFunc`. */

import { HeddleError } from "../../errors/errors.ts";
import { go } from "../jobs/go.ts";
import type { Context } from "./context.ts";

export function afterCancel(context: Context, run: () => unknown): () => boolean {
  if (typeof run !== "function") {
    throw new HeddleError("TASK_INVALID", `afterFunc() needs a function, and got ${typeof run}.`);
  }
  let isOpen = true;
  const forget = context.onCancel(() => {
    isOpen = false;
    go(run);
  });
  return () => {
    const wasOpen = isOpen;
    isOpen = false;
    if (wasOpen) forget();
    return wasOpen;
  };
}
