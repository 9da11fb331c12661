/**
 * `--watch`: calls back when one of the app's own modules changed. Folders are watched, not files: editors save by
 * writing a new file and renaming it over the old, after which a watch on the file is deaf.
 */

import { type FSWatcher, readdirSync, statSync, watch } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Log } from "../log/log.ts";

/** One save is several events; a formatter after it is another. */
const SETTLE_MS = 60;
/** File times come from a coarser clock than Date.now(). */
const CLOCK_TICK_MS = 10;
const SOURCE = /\.(?:[cm]?[jt]s|json)$/;

export interface Load {
  /** The app's files, as far as they are known. */
  readonly files: readonly string[];
  /** Date.now() when the load began. */
  readonly startedMs: number;
  /**
   * Date.now() when it failed, perhaps for want of a file that nobody could name: any source beside the app's files may
   * be the mend.
   */
  readonly failedMs: number | undefined;
}

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

  /** Replaces what is watched, and calls back for what has changed since the load. */
  watch({ files, startedMs, failedMs }: Load): void {
    for (const watcher of this.#watchers) watcher.close();
    if (this.#closed) return;
    const isBroken = failedMs !== undefined;
    const namesByFolder = new Map<string, Set<string>>();
    for (const file of files) {
      const names = namesByFolder.get(dirname(file)) ?? new Set();
      namesByFolder.set(dirname(file), names.add(basename(file)));
      this.#noteIfSince(file, startedMs);
    }
    this.#watchers = [...namesByFolder].flatMap(([folder, names]) =>
      this.#watchFolder(folder, (name) => names.has(name) || (isBroken && SOURCE.test(name))),
    );
    if (!isBroken) return;
    for (const folder of namesByFolder.keys()) {
      for (const name of sourcesIn(folder)) this.#noteIfSince(join(folder, name), failedMs);
    }
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

  /** Watching begins after the load, and the file may have changed in between. */
  #noteIfSince(file: string, sinceMs: number): void {
    const stats = statSync(file, { throwIfNoEntry: false });
    if (stats !== undefined && stats.mtimeMs > sinceMs - CLOCK_TICK_MS) this.#note(file);
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

function sourcesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => SOURCE.test(name));
  } catch {
    // The folder is gone; watching it has said so.
    return [];
  }
}
