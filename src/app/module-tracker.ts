/**
 * Knows which files the app is made of, for `--watch`: every file resolved after `start()`, by `import` or `require`,
 * that is neither an installed package nor heddle itself. A file is recorded when it is resolved, before it is read, so
 * the list is right even when loading it failed: that file is the one to watch.
 */

import { builtinModules, registerHooks } from "node:module";
import { sep } from "node:path";
import { fileURLToPath } from "node:url";

/** `src/` when run from source, `dist/` when installed. */
const ownRoot: string = fileURLToPath(new URL("..", import.meta.url));
const packages = `${sep}node_modules${sep}`;
const httpModules: ReadonlySet<string> = new Set(["http", "https", "http2"].flatMap((name) => [name, `node:${name}`]));

export class ModuleTracker {
  readonly #files = new Set<string>();
  #usesHttp = false;

  static start(): ModuleTracker {
    const tracker = new ModuleTracker();
    registerHooks({
      resolve(specifier, context, nextResolve) {
        const resolved = nextResolve(specifier, context);
        tracker.#record(resolved.url, context.parentURL);
        return resolved;
      },
    });
    return tracker;
  }

  /** Absolute paths, sorted. Grows while the app imports more. */
  files(): string[] {
    return [...this.#files].sort();
  }

  /** The same, in the order in which they were first asked for. */
  inOrder(): string[] {
    return [...this.#files];
  }

  add(file: string): void {
    this.#files.add(file);
  }

  /** Whether anything in the app, its packages included, has asked for an http module so far. */
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
    if (path !== undefined && !path.includes(packages) && !path.startsWith(ownRoot)) this.#files.add(path);
  }
}

function toPath(url: string): string | undefined {
  if (!url.startsWith("file:")) return undefined;
  try {
    return fileURLToPath(url);
  } catch {
    return undefined;
  }
}
