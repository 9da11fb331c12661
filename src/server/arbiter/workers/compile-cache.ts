/**
 * Node's compile cache, on by default for workers. A thread that finds the app's modules there starts sooner, and does not
 * load the TypeScript compiler (some 13 MB a thread). If the cache can't be made, everything works without it.
 */

import { lstatSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { runtimeFolder } from "../../../platform/runtime-folder.ts";

let folder: string | undefined | false;

/** The environment that turns it on. The user's own environment overrides it. */
export function compileCache(): NodeJS.ProcessEnv {
  folder ??= makeFolder() ?? false;
  return folder === false ? {} : { NODE_COMPILE_CACHE: folder };
}

/** The cache contains code, so a folder that another user could have made is not used. */
function makeFolder(): string | undefined {
  const path = join(runtimeFolder(), "compile-cache");
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return isOurs(runtimeFolder()) && isOurs(path) ? path : undefined;
  } catch {
    // A read-only file system, or another user's folder.
    return undefined;
  }
}

function isOurs(path: string): boolean {
  const found = lstatSync(path);
  return found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
}
