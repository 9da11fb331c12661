/** Where control sockets are when `--control` does not say: one per arbiter, in a folder of the user's own. */

import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

export function controlFolder(): string {
  const runtime = process.env["XDG_RUNTIME_DIR"];
  return runtime === undefined || runtime === "" ? join(tmpdir(), `heddle-${userInfo().uid}`) : join(runtime, "heddle");
}

export function defaultControlPath(): string {
  return join(controlFolder(), `${process.pid}.sock`);
}
