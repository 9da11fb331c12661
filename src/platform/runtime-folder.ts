/** Where a user's servers keep what outlives no login: control sockets, the compile cache. */

import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

export function runtimeFolder(): string {
  const runtime = process.env["XDG_RUNTIME_DIR"];
  return runtime === undefined || runtime === "" ? join(tmpdir(), `heddle-${userInfo().uid}`) : join(runtime, "heddle");
}
