/** The models of this version. A name that the settings know but this table lacks is reported at start. */

import { HeddleError } from "../../errors/errors.ts";
import { actors } from "./actors.ts";
import { loop } from "./loop.ts";
import { sync } from "./sync.ts";
import { tasks, threadPerRequest, threads } from "./threads.ts";
import type { Model, ModelName, StartModel } from "./model.ts";

const models: Partial<Record<ModelName, Model>> = {
  loop,
  sync,
  threads,
  "thread-per-request": threadPerRequest,
  tasks,
  actors,
};

/** `where`: who asked for it, for the message ("--model", "route GET /x"). */
export function modelNamed(name: ModelName, where: string): Model {
  const model = models[name];
  if (model !== undefined) return model;
  throw new HeddleError(
    "MODEL_UNAVAILABLE",
    `${where}: the model "${name}" is not in this version of heddle. It has: ${Object.keys(models).join(", ")}.`,
  );
}

/** Loads the models of the routes. `*` is the route of every other request. */
export async function loadModels(
  routes: readonly { readonly name: string; readonly model: ModelName }[],
): Promise<ReadonlyMap<ModelName, StartModel>> {
  const asked = new Map(routes.map(({ name, model }) => [model, name === "*" ? "--model" : `route ${name}`]));
  const loaded = [...asked].map(async ([model, where]) => [model, await modelNamed(model, where).load()] as const);
  return new Map(await Promise.all(loaded));
}
