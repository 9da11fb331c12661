/**
 * `--watch`: calls back when one of the app's own modules changed. Folders are watched, not files: editors save by
 * writing a new file and renaming it over the old, after which a watch on the file is deaf.
 */

import { type FSWatcher, watch } from "node:fs";
import { basename, dirname } from "node:path";

/** One save is several events; a formatter after it is another. */
const SETTLE_MS = 60;

export class ModuleWatch {
  readonly #onChange: (files: readonly string[]) => void;
  #watchers: FSWatcher[] = [];
  #changed = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(onChange: (files: readonly string[]) => void) {
    this.#onChange = onChange;
  }

  /** Replaces what is watched. */
  watch(files: readonly string[]): void {
    for (const watcher of this.#watchers) watcher.close();
    const namesByFolder = new Map<string, Set<string>>();
    for (const file of files) {
      const names = namesByFolder.get(dirname(file)) ?? new Set();
      namesByFolder.set(dirname(file), names.add(basename(file)));
    }
    this.#watchers = [...namesByFolder].map(([folder, names]) => {
      const watcher = watch(folder, (_event, name) => {
        if (name !== null && names.has(name)) this.#note(`${folder}/${name}`);
      });
      // A folder that was removed: nothing to reload until it is back with a change in another.
      return watcher.on("error", () => watcher.close());
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers) watcher.close();
  }

  #note(file: string): void {
    this.#changed.add(file);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const files = [...this.#changed];
      this.#changed = new Set();
      this.#onChange(files);
    }, SETTLE_MS);
  }
}
