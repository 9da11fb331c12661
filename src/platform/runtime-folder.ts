/** The folder for a user's files that need not outlive a login: control sockets, shared stores, the compile cache. */

import { chmodSync, lstatSync, mkdirSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

export function runtimeFolder(): string {
  const runtime = process.env["XDG_RUNTIME_DIR"];
  return runtime === undefined || runtime === "" ? join(tmpdir(), `heddle-${userInfo().uid}`) : join(runtime, "heddle");
}

/** Its name is predictable and its parent may be writable for everybody. @throws Error: the folder is not ours */
export function makeRuntimeFolder(): string {
  const folder = runtimeFolder();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== userInfo().uid) {
    throw new Error(`${folder} is not a folder of this user`);
  }
  chmodSync(folder, 0o700);
  return folder;
}
