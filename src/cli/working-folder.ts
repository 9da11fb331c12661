/** The working directory as the user wrote it, with its symbolic links: `/srv/current`, not the release that the link points
 * to now. The kernel knows only the release; a shell keeps the path with the link in `PWD`. Gunicorn does the same.
 */

import { statSync } from "node:fs";
import { isAbsolute } from "node:path";
import { HeddleError } from "../errors/errors.ts";

/** `pwd`: the variable PWD, believed only if it is the same folder as `cwd`. */
export function namedFolder(cwd: string, pwd: string | undefined): string {
  if (pwd === undefined || !isAbsolute(pwd)) return cwd;
  const [named, real] = [pwd, cwd].map((path) => statSync(path, { throwIfNoEntry: false }));
  return named !== undefined && named.ino === real?.ino && named.dev === real.dev ? pwd : cwd;
}

/** Makes `folder` the working directory of this process, and resolves its symbolic links again. If the folder no longer exists
 * and was not set by `--chdir`, nothing happens: an app with an absolute path does not need it.
 * @throws HeddleError CONFIG_BAD_VALUE
 */
export function enterFolder(folder: string, isAskedFor: boolean): void {
  try {
    process.chdir(folder);
  } catch (cause) {
    if (!isAskedFor) return;
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "which does not exist" : code === "ENOTDIR" ? "which is a file" : message;
    throw new HeddleError("CONFIG_BAD_VALUE", `--chdir: got ${JSON.stringify(folder)}, ${why}; expected a folder`, {
      cause,
    });
  }
}
