/**
 * Lists where Node looks for a module. A missing module may appear there. Pure: the paths need not exist.
 *
 * A relative or absolute specifier names one file; `require` also tries endings and folders. A bare one names a package, which
 * Node looks for in the `node_modules` of every folder upwards.
 */

import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

const ENDINGS = [".js", ".json", ".node", `${sep}index.js`, `${sep}package.json`];

/** `parentUrl`: the `file:` URL of the module that asks. */
export function lookupsOf(specifier: string, parentUrl: string, isRequire: boolean): string[] {
  const named = pathNamed(specifier, parentUrl);
  if (named !== undefined) return isRequire ? [named, ...ENDINGS.map((ending) => named + ending)] : [named];
  const name = /^(?:@[^/]+\/)?[^/.#@][^/:]*(?=\/|$)/.exec(specifier)?.[0];
  if (name === undefined) return [];
  return foldersAbove(fileURLToPath(parentUrl)).map((folder) => join(folder, "node_modules", name, "package.json"));
}

/** The path that a specifier spells out, before symbolic links are followed. undefined: it spells none. */
export function pathNamed(specifier: string, parentUrl: string): string | undefined {
  if (!/^(?:\.{0,2}\/|\.{1,2}$|file:)/.test(specifier)) return undefined;
  try {
    return fileURLToPath(new URL(specifier, parentUrl));
  } catch {
    // Another host's file, or a character that paths can't have.
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
