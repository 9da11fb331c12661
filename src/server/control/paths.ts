/** The default place of control sockets: one per arbiter, in the user's own folder. */

import { join } from "node:path";
import { runtimeFolder } from "../../platform/runtime-folder.ts";

export function controlFolder(): string {
  return runtimeFolder();
}

export function defaultControlPath(): string {
  return join(controlFolder(), `${process.pid}.sock`);
}
