/**
 * Tracks the app's files, for `--watch`: every file resolved after `start()`, by `import` or `require`, that is neither an
 * installed package nor heddle itself. A file is recorded when it is resolved, before it is read. So the list also contains a
 * file that fails to load, which is the one to watch.
 * The list also has the paths where a module was not found, and the names by which files were found through symbolic links,
 * because the links may change.
 */

import { existsSync } from "node:fs";
import { builtinModules, findPackageJSON, registerHooks } from "node:module";
import { sep } from "node:path";
import { fileURLToPath } from "node:url";
import { packageOf } from "./kept-in-memory.ts";
import { lookupsOf, pathNamed } from "./lookups.ts";

/** `src/` when run from source, `dist/` when installed. */
const ownRoot: string = fileURLToPath(new URL("../../..", import.meta.url));
const packages = `${sep}node_modules${sep}`;
const httpModules: ReadonlySet<string> = new Set(["http", "https", "http2"].flatMap((name) => [name, `node:${name}`]));

export class ModuleTracker {
  readonly #files = new Set<string>();
  /** Other names of files, and paths where nothing was found. */
  readonly #lookups = new Set<string>();
  /** The last paths where a package looked for a missing module. */
  #missedByPackage: readonly string[] = [];
  #usesHttp = false;
  /** Those that the app's own files have asked for. */
  readonly packages: Set<string> = new Set<string>();

  /** `clusters`: called when the app or one of its packages loads node:cluster. */
  static start(clusters: () => void = () => {}): ModuleTracker {
    const tracker = new ModuleTracker();
    registerHooks({
      resolve(specifier, context, nextResolve) {
        const { parentURL, conditions } = context;
        try {
          const resolved = nextResolve(specifier, context);
          if (resolved.url === "node:cluster" || resolved.url === "cluster") clusters();
          tracker.#record(resolved.url, parentURL);
          tracker.#recordName(specifier, resolved.url, parentURL);
          return resolved;
        } catch (error) {
          tracker.#recordMissing(specifier, parentURL, conditions.includes("require"), error);
          throw error;
        }
      },
    });
    return tracker;
  }

  /** Absolute paths, sorted; not all of them exist. Grows while the app imports more. */
  files(): string[] {
    return [...new Set([...this.#files, ...this.#lookups])].sort();
  }

  /** The same, for a failed load. Adds the files that a package did not find. */
  filesOfFailure(): string[] {
    return [...new Set([...this.files(), ...this.#missedByPackage])];
  }

  /** The app's files, in the order in which they were first asked for. */
  inOrder(): string[] {
    return [...this.#files];
  }

  add(file: string): void {
    this.#files.add(file);
  }

  /** Whether the app or one of its packages has loaded an http module so far. */
  get usesHttp(): boolean {
    return this.#usesHttp;
  }

  #record(url: string, parentUrl: string | undefined): void {
    if (!url.startsWith("file:")) {
      const isOwn = parentUrl !== undefined && toPath(parentUrl)?.startsWith(ownRoot);
      if (!isOwn && (httpModules.has(url) || (builtinModules.includes(url) && httpModules.has(`node:${url}`)))) {
        this.#usesHttp = true;
      }
      return;
    }
    const path = toPath(url);
    if (path === undefined) return;
    if (isOfApp(path)) this.#files.add(path);
    else if (parentUrl !== undefined && isOfApp(toPath(parentUrl))) this.#notePackage(path);
  }

  #notePackage(path: string): void {
    const name = packageOf(path);
    if (name !== undefined) this.packages.add(name);
  }

  /** Records the name by which a file of the app was found, if it is not the file's own: a part of it is a symbolic link. */
  #recordName(specifier: string, url: string, parentUrl: string | undefined): void {
    const path = toPath(url);
    if (path === undefined || parentUrl === undefined || !isOfApp(path) || !isOfApp(toPath(parentUrl))) return;
    const named =
      pathNamed(specifier, parentUrl) ?? lookupsOf(specifier, parentUrl, false).find((at) => existsSync(at));
    // `require` adds an ending.
    if (named !== undefined && !path.startsWith(named)) this.#lookups.add(named);
  }

  /** Packages look for many optional modules: only the last missing one counts, and only if loading fails. */
  #recordMissing(specifier: string, parentUrl: string | undefined, isRequire: boolean, error: unknown): void {
    const parent = parentUrl === undefined ? undefined : toPath(parentUrl);
    if (parent === undefined || parent.startsWith(ownRoot)) return;
    const named: unknown = error instanceof Error && "url" in error ? error.url : undefined;
    const missing = [
      ...lookupsOf(specifier, parentUrl!, isRequire),
      typeof named === "string" ? toPath(named) : undefined,
      // The package's own file maps such a name to a path.
      specifier.startsWith("#") ? findPackageJSON(parentUrl!) : undefined,
    ].filter((path) => path !== undefined);
    if (isOfApp(parent)) for (const path of missing) this.#lookups.add(path);
    else this.#missedByPackage = missing;
  }
}

function isOfApp(path: string | undefined): boolean {
  return path !== undefined && !path.includes(packages) && !path.startsWith(ownRoot);
}

function toPath(url: string): string | undefined {
  if (!url.startsWith("file:")) return undefined;
  try {
    return fileURLToPath(url);
  } catch {
    return undefined;
  }
}
