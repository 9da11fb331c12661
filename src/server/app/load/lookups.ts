/**
 * Where Node looks for a module, and so where one that is missing may appear. Pure: the paths need not exist.
 *
 * A relative or absolute specifier names one file; `require` also tries endings and folders. A bare one is a package, which
 * is looked for in the `node_modules` of every folder upwards.
 */

import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

const ENDINGS = [".js", ".json", ".node", `${sep}index.js`, `${sep}package.json`];

/** `parentUrl`: of the module that asks, a file's. */
export function lookupsOf(specifier: string, parentUrl: string, isRequire: boolean): string[] {
  const named = pathNamed(specifier, parentUrl);
  if (named !== undefined) return isRequire ? [named, ...ENDINGS.map((ending) => named + ending)] : [named];
  const name = /^(?:@[^/]+\/)?[^/.#@][^/:]*(?=\/|$)/.exec(specifier)?.[0];
  if (name === undefined) return [];
  return foldersAbove(fileURLToPath(parentUrl)).map((folder) => join(folder, "node_modules", name, "package.json"));
}

/** The path a specifier spells out, before any symbolic link is followed. undefined: it spells none. */
export function pathNamed(specifier: string, parentUrl: string): string | undefined {
  if (!/^(?:\.{0,2}\/|\.{1,2}$|file:)/.test(specifier)) return undefined;
  try {
    return fileURLToPath(new URL(specifier, parentUrl));
  } catch {
    // Another host's file, or a character that no path has.
    return undefined;
  }
}

function foldersAbove(file: string): string[] {
  const folders: string[] = [];
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    if (!folder.endsWith(`${sep}node_modules`)) folders.push(folder);
    if (dirname(folder) === folder) return folders;
  }
}
