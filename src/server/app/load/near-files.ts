/** Files that may have been meant, for error messages. */

import { readdirSync } from "node:fs";
import { basename, dirname, extname, join, relative } from "node:path";

/** Files beside `path` with nearly its name, the nearest first. */
export function similarFiles(path: string): string[] {
  const wanted = stem(path);
  return filesIn(dirname(path))
    .map((file) => ({ file, distance: stem(file) === wanted ? 0 : editDistance(basename(file), basename(path)) }))
    .filter(({ distance }) => distance <= 3)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ file }) => file);
}

export function filesIn(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(directory, entry.name));
  } catch {
    return [];
  }
}

export function stem(path: string): string {
  return basename(path, extname(path));
}

/** Levenshtein; names are short. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const substitution = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(substitution, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** The path relative to the user's directory, if that is shorter. */
export function show(path: string): string {
  const local = relative(process.cwd(), path);
  return local !== "" && !local.startsWith("..") ? local : path;
}
