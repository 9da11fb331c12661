/**
 * `--watch`: calls back when one of the paths that the last load of the app has used leads to something else.
 *
 *   a load begins → what all paths lead to is noted → it ends → compared
 *   an event of a watched folder → a moment's rest → compared → called back, if anything differs
 *
 * Events only say when to look: what has changed is found by comparing what each path leads to with what it led to before
 * (`watch-plan.ts`). So a change is told once, whether it came before, during or after a load; a change during a load is
 * told when that has ended.
 *
 * Folders are watched, not files: editors save by writing a new file and renaming it over the old, after which a watch on
 * the file is deaf. A watch on a folder is deaf too when the folder has been replaced: after each event every folder is
 * checked, and watched anew if it is another one.
 */

import { type FSWatcher, watch } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Log } from "../../../log/log.ts";
import { identityOf } from "../../../platform/owned-file.ts";
import { isChangedSince, planWatch, signatureOf } from "./watch-plan.ts";

/** One save is several events; a formatter after it is another. */
const SETTLE_MS = 60;
/** File times come from a coarser clock than Date.now(). */
const CLOCK_TICK_MS = 10;
const SOURCE = /\.(?:[cm]?[jt]s|json)$/;
/** Folders that change while they are put under watch: a later event tells of what is missed then. */
const MAX_ROUNDS = 5;

export interface ModuleWatchOptions {
  readonly log: Log;
  /** What the last load has used or looked for: absolute paths, which need not exist. */
  readonly paths: () => readonly string[];
  readonly onChange: (paths: readonly string[]) => void;
}

interface Watched {
  readonly identity: string;
  readonly watcher: FSWatcher;
  names: ReadonlySet<string>;
}

/** idle → loading ⇄ watching → closed */
type State = "idle" | "loading" | "watching" | "closed";

export class ModuleWatch {
  readonly #options: ModuleWatchOptions;
  readonly #folders = new Map<string, Watched>();
  /** Folders whose failure has been told. */
  readonly #told = new Set<string>();
  /** By path. */
  #seen: ReadonlyMap<string, string> = new Map();
  #paths: readonly string[] = [];
  /** Changed and not told yet. */
  #changed = new Set<string>();
  /** After a load that failed, perhaps for want of a file that nobody could name: any source in these may be the mend. */
  #mendable: ReadonlySet<string> = new Set();
  #state: State = "idle";
  #loadedFromMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ModuleWatchOptions) {
    this.#options = options;
  }

  /** Before anything is read: changes so far are in the load. */
  begins(): void {
    if (this.#state === "closed") return;
    this.#state = "loading";
    clearTimeout(this.#timer);
    this.#changed.clear();
    this.#seen = signaturesOf(this.#paths);
    this.#loadedFromMs = Date.now();
  }

  ended(isOk: boolean): void {
    if (this.#state === "closed") return;
    this.#state = "watching";
    this.#paths = this.#options.paths();
    this.#mendable = new Set(isOk ? [] : this.#paths.map((path) => dirname(path)));
    this.#watchFolders();
    for (const path of this.#paths) {
      if (!this.#seen.has(path) && isChangedSince(path, this.#loadedFromMs - CLOCK_TICK_MS)) this.#changed.add(path);
    }
    this.#compare();
    if (this.#changed.size > 0) this.#lookSoon();
  }

  close(): void {
    this.#state = "closed";
    clearTimeout(this.#timer);
    for (const { watcher } of this.#folders.values()) watcher.close();
    this.#folders.clear();
  }

  #lookSoon(): void {
    if (this.#state !== "watching") return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#watchFolders();
      this.#compare();
      const changed = [...this.#changed];
      this.#changed.clear();
      if (changed.length > 0) this.#options.onChange(changed);
    }, SETTLE_MS);
  }

  #compare(): void {
    const now = signaturesOf(this.#paths);
    for (const [path, signature] of now) if ((this.#seen.get(path) ?? signature) !== signature) this.#changed.add(path);
    this.#seen = now;
  }

  /** Watches every folder on the way to a path, those that are there now. */
  #watchFolders(): void {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const plan = planWatch(this.#paths);
      for (const [folder, { watcher }] of this.#folders) {
        if (plan.has(folder)) continue;
        watcher.close();
        this.#folders.delete(folder);
      }
      const added = [...plan].filter(([folder, names]) => this.#watchFolder(folder, names)).length;
      // What changed before its folder was watched is seen by looking once more.
      if (added === 0) return;
    }
  }

  /** Returns whether it was not watched before. */
  #watchFolder(folder: string, names: ReadonlySet<string>): boolean {
    const identity = identityOf(folder);
    const present = this.#folders.get(folder);
    if (present !== undefined && present.identity === identity) {
      present.names = names;
      return false;
    }
    present?.watcher.close();
    this.#folders.delete(folder);
    if (identity === undefined) return false;
    try {
      const watcher = watch(folder, (_event, name) => this.#heard(folder, name));
      watcher.on("error", (error) => this.#giveUp(folder, error));
      this.#folders.set(folder, { identity, watcher, names });
      return true;
    } catch (error) {
      this.#giveUp(folder, error as Error);
      return false;
    }
  }

  #heard(folder: string, name: string | null): void {
    const isMend = name !== null && this.#mendable.has(folder) && SOURCE.test(name);
    if (isMend && this.#state === "watching") this.#changed.add(join(folder, name));
    // Its own name: the folder itself has been moved or removed.
    const isMeant = name === null || name === basename(folder) || this.#folders.get(folder)?.names.has(name);
    if (isMend || isMeant === true) this.#lookSoon();
  }

  /** One that may not be read, or one watch too many for the system: the others are watched on. */
  #giveUp(folder: string, error: Error): void {
    this.#folders.get(folder)?.watcher.close();
    this.#folders.delete(folder);
    if (this.#told.has(folder)) return;
    this.#told.add(folder);
    this.#options.log.warn({ folder }, `--watch cannot watch ${folder}: ${error.message}`);
  }
}

function signaturesOf(paths: readonly string[]): Map<string, string> {
  return new Map(paths.map((path) => [path, signatureOf(path)]));
}
