/** The actor whose code runs, for code that was not given its `self`: a request's handler under the model `actors`, a helper. */

import { HeddleError } from "../../errors/errors.ts";
import { ActorProcess } from "./actor-process.ts";
import { currentProcess } from "./process.ts";
import type { Self } from "./self.ts";

/**
 * The `self` of the actor whose code calls this, whatever it has awaited: in a request's handler under the model `actors`, the
 * request's own actor.
 *
 * @throws ACTOR_UNKNOWN if the code belongs to no actor.
 */
export function currentActor<M = any>(): Self<M> {
  const process = currentProcess();
  if (process instanceof ActorProcess) return process;
  throw new HeddleError("ACTOR_UNKNOWN", "currentActor() was called by code that belongs to no actor.", {
    hint: "Call it in an actor's function, or in the handler of a route whose model is actors.",
  });
}
