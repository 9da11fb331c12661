/**
 * `--watch`: calls back when one of the app's own modules changed. Folders are watched, not files: editors save by
 * writing a new file and renaming it over the old, after which a watch on the file is deaf.
 */

import { type FSWatcher, watch } from "node:fs";
import { basename, dirname } from "node:path";
import type { Log } from "../log/log.ts";

/** One save is several events; a formatter after it is another. */
const SETTLE_MS = 60;
const SOURCE = /\.(?:[cm]?[jt]s|json)$/;

export class ModuleWatch {
  readonly #onChange: (files: readonly string[]) => void;
  readonly #log: Log;
  #watchers: FSWatcher[] = [];
  #changed = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(log: Log, onChange: (files: readonly string[]) => void) {
    this.#log = log;
    this.#onChange = onChange;
  }

  /**
   * Replaces what is watched. `isBroken`: the app did not load, perhaps for want of a file that nobody could name, so
   * that any other source beside its files may be the mend.
   */
  watch(files: readonly string[], isBroken: boolean): void {
    for (const watcher of this.#watchers) watcher.close();
    if (this.#closed) return;
    const namesByFolder = new Map<string, Set<string>>();
    for (const file of files) {
      const names = namesByFolder.get(dirname(file)) ?? new Set();
      namesByFolder.set(dirname(file), names.add(basename(file)));
    }
    this.#watchers = [...namesByFolder].flatMap(([folder, names]) =>
      this.#watchFolder(folder, (name) => names.has(name) || (isBroken && SOURCE.test(name))),
    );
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers) watcher.close();
  }

  #watchFolder(folder: string, isMeant: (name: string) => boolean): FSWatcher[] {
    // A folder that is gone, or one watch too many for the system: the others are watched on.
    const giveUp = (error: Error): void => this.#log.warn({}, `--watch cannot watch ${folder}: ${error.message}`);
    try {
      const watcher = watch(folder, (_event, name) => {
        if (name !== null && isMeant(name)) this.#note(`${folder}/${name}`);
      });
      watcher.on("error", (error) => {
        giveUp(error);
        watcher.close();
      });
      return [watcher];
    } catch (error) {
      giveUp(error as Error);
      return [];
    }
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
