/**
 * Which heddle the server of a test runs. `npm test` has built the package beforehand (scripts/test.ts): such a server takes a
 * third less of the processor to boot than one that runs the sources, and it is what users run. An app that imports src/ needs
 * the sources: with the package there would be two copies of each module. By itself, a test file starts all servers from the
 * sources.
 */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const SOURCES: string = join(root, "src/");
const CONFIGS = ["heddle.config.ts", "heddle.config.js", "heddle.config.mjs"];
const IMPORT = /\b(?:from|import|require)\b\s*\(?\s*["']([^"'\n]+)["']/g;
const CONTROLS = ["kill", "reload", "scale", "status", "stop", "threads"];

const fromSources: string = join(root, "bin/heddle.js");
const builtFolder = process.env["BUILT_HEDDLE"];
const built: string = builtFolder === undefined ? fromSources : join(builtFolder, "bin/heddle.js");

/** Where `heddle serve` gets no app, it finds one that this process does not know. */
export function binFor(app: string | undefined, folder: string = process.cwd()): string {
  if (app === undefined || built === fromSources) return fromSources;
  const files = [app, ...CONFIGS].map((name) => resolve(folder, name));
  return files.some((file) => importsSources(file)) ? fromSources : built;
}

export function binForCommand(command: string | undefined): string {
  return command !== undefined && CONTROLS.includes(command) ? built : fromSources;
}

function importsSources(file: string, seen: Set<string> = new Set()): boolean {
  if (seen.has(file) || !/\.[cm]?[jt]s$/.test(file) || !existsSync(file)) return false;
  seen.add(file);
  return [...readFileSync(file, "utf8").matchAll(IMPORT)].some(([, specifier = ""]) => {
    if (/^heddle(?:\/|$)/.test(specifier)) return true;
    const path = specifier.startsWith("file:") ? fileURLToPath(specifier) : specifier;
    if (!/^\.{0,2}\//.test(path)) return false;
    const imported = resolve(dirname(file), path);
    return imported.startsWith(SOURCES) || importsSources(imported, seen);
  });
}
