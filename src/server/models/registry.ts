/** All models, by name. */

import { actors } from "./actors.ts";
import { loop } from "./loop.ts";
import { sync } from "./sync.ts";
import { tasks, threadPerRequest, threads } from "./threads.ts";
import type { Model, ModelName, StartModel } from "./model.ts";

export const models: Readonly<Record<ModelName, Model>> = {
  loop,
  sync,
  threads,
  "thread-per-request": threadPerRequest,
  tasks,
  actors,
};

/** Loads the models of the routes. */
export async function loadModels(
  routes: readonly { readonly model: ModelName }[],
): Promise<ReadonlyMap<ModelName, StartModel>> {
  const names = [...new Set(routes.map(({ model }) => model))];
  return new Map(await Promise.all(names.map(async (name) => [name, await models[name].load()] as const)));
}
