/** Where control sockets are when `--control` does not say: one per arbiter, in a folder of the user's own. */

import { join } from "node:path";
import { runtimeFolder } from "../../platform/runtime-folder.ts";

export function controlFolder(): string {
  return runtimeFolder();
}

export function defaultControlPath(): string {
  return join(controlFolder(), `${process.pid}.sock`);
}
