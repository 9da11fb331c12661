/** What heddle reads of package.json, and the files that Node would find beside it. */

import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { HeddleError, messageOf } from "../../errors/errors.ts";
import { isPlainObject } from "../setting-value.ts";

export interface PackageFile {
  readonly path: string;
  readonly main: string | undefined;
  readonly scripts: Readonly<Record<string, string>>;
  readonly packages: ReadonlySet<string>;
}

/** undefined: the folder has none. @throws HeddleError CONFIG_FILE_FAILED */
export function readPackageFile(folder: string): PackageFile | undefined {
  const path = join(folder, "package.json");
  if (!isFile(path)) return undefined;
  const read = parse(path);
  const { main, scripts, dependencies, devDependencies } = read;
  return {
    path,
    main: typeof main === "string" && main !== "" ? main : undefined,
    scripts: Object.fromEntries(
      Object.entries(isPlainObject(scripts) ? scripts : {}).filter(
        (entry): entry is [string, string] => typeof entry[1] === "string",
      ),
    ),
    packages: new Set(
      [dependencies, devDependencies].flatMap((list) => (isPlainObject(list) ? Object.keys(list) : [])),
    ),
  };
}

function parse(path: string): Readonly<Record<string, unknown>> {
  let read: unknown;
  try {
    read = JSON.parse(readFileSync(path, "utf8").replace(/^\uFEFF/, ""));
  } catch (cause) {
    const message = `${path} cannot be read, and heddle looks there for the app: ${messageOf(cause)}`;
    throw new HeddleError("CONFIG_FILE_FAILED", message, { cause, hint: "Or name the app: heddle serve app.ts" });
  }
  return isPlainObject(read) ? read : {};
}

export function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    // None, or links that lead nowhere.
    return false;
  }
}

const EXTENSIONS = ["", ".js", ".cjs", ".mjs", ".ts", ".mts", ".cts"];

/** The file that `node name` would run, in `folder`. A runner of TypeScript leaves out `.ts` as well. */
export function programFile(folder: string, name: string): string | undefined {
  const path = resolve(folder, name);
  const file = withExtension(path);
  if (file !== undefined) return file;
  if (!existsSync(path)) return undefined;
  // Node does not look for another package file in the folder that `main` names.
  const main = readPackageFile(path)?.main;
  const inside = main === undefined ? undefined : resolve(path, main);
  return (inside && (withExtension(inside) ?? indexOf(inside))) ?? indexOf(path);
}

function withExtension(path: string): string | undefined {
  return EXTENSIONS.map((extension) => path + extension).find(isFile);
}

function indexOf(folder: string): string | undefined {
  return withExtension(join(folder, "index"));
}

/** The JavaScript file of a package's command, in `folder` or above it. */
export function commandFile(folder: string, name: string): string | undefined {
  for (let at = folder; ; at = resolve(at, "..")) {
    const link = join(at, "node_modules", ".bin", name);
    if (isFile(link)) return ofShim(realpathSync(link));
    if (resolve(at, "..") === at) return undefined;
  }
}

/** pnpm, and npm on Windows, write a shell script that runs the file. */
function ofShim(path: string): string | undefined {
  const text = readFileSync(path, "utf8").slice(0, 4096);
  if (!text.startsWith("#!/bin/sh")) return path;
  const target = /"\$basedir\/([^"]+)"\s+"\$@"/.exec(text)?.[1];
  return target === undefined ? undefined : resolve(path, "..", target);
}

/** The files of a pattern whose `*` is one folder, absolute. */
export function filesOf(folder: string, pattern: string): readonly string[] {
  const [before, behind] = pattern.split("*/");
  if (behind === undefined) return isFile(join(folder, pattern)) ? [join(folder, pattern)] : [];
  const parent = join(folder, before!);
  if (!existsSync(parent)) return [];
  const names = readdirSync(parent, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [entry.name] : [],
  );
  return names.map((name) => join(parent, name, behind)).filter(isFile);
}
