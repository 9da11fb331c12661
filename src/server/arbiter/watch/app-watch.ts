/**
 * `--watch`: calls back when one of the paths that the app's last load used leads to something else.
 *
 *   a load begins → the state of all paths is noted → it ends → compared
 *   an event of a watched folder → a short pause → compared → called back, if anything differs
 *
 * An event only triggers a comparison. A change is found by comparing what each path leads to with what it led to before
 * (`watch-plan.ts`). So a change is reported once, whether it came before, during or after a load. A change during a load is
 * reported when the load has ended.
 *
 * We watch folders, not files. Editors save by writing a new file and renaming it over the old one, and a watch on the old file
 * then gets no events. A watch on a folder gets none either when the folder was replaced. So after each event every folder is
 * checked, and a new one is watched again.
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
/** Limit for folders that change while we begin to watch them. A later event shows what is missed then. */
const MAX_ROUNDS = 5;

export interface ModuleWatchOptions {
  readonly log: Log;
  /** The paths that the last load has used or looked for. They are absolute, and need not exist. */
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
  /** Folders whose failure was logged. */
  readonly #told = new Set<string>();
  /** Signatures by path. */
  #seen: ReadonlyMap<string, string> = new Map();
  #paths: readonly string[] = [];
  /** Paths that changed and were not reported yet. */
  #changed = new Set<string>();
  /** Set after a failed load, perhaps due to a missing file of unknown name: any new source in these folders may fix it. */
  #mendable: ReadonlySet<string> = new Set();
  #state: State = "idle";
  #loadedFromMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ModuleWatchOptions) {
    this.#options = options;
  }

  /** Call it before anything is read: the load includes all earlier changes. */
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

  /** Watches every folder on the way to a path, as far as they exist. */
  #watchFolders(): void {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const plan = planWatch(this.#paths);
      for (const [folder, { watcher }] of this.#folders) {
        if (plan.has(folder)) continue;
        watcher.close();
        this.#folders.delete(folder);
      }
      const added = [...plan].filter(([folder, names]) => this.#watchFolder(folder, names)).length;
      // A change before its folder was watched is found in the next round.
      if (added === 0) return;
    }
  }

  /** Returns whether the folder is newly watched. */
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
    // The folder's own name: the folder itself was moved or removed.
    const isMeant = name === null || name === basename(folder) || this.#folders.get(folder)?.names.has(name);
    if (isMend || isMeant === true) this.#lookSoon();
  }

  /** The folder is not readable, or the system allows no more watches. The others stay watched. */
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
