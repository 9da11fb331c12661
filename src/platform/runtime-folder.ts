/** The folder for a user's files that need not outlive a login: control sockets, the compile cache. */

import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

export function runtimeFolder(): string {
  const runtime = process.env["XDG_RUNTIME_DIR"];
  return runtime === undefined || runtime === "" ? join(tmpdir(), `heddle-${userInfo().uid}`) : join(runtime, "heddle");
}
