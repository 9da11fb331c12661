/**
 * Puts a recommendation into the user's config file: the one that the settings came from, or a new `heddle.config.ts`.
 *
 * The new text is tried before it takes the file's place: a copy beside it is loaded as heddle loads a config file, and has to
 * give the values. So imports and expressions of the user's work there, and a text that was edited wrongly changes nothing.
 */

import {
  chmodSync,
  existsSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { loadConfigFile } from "../../config/config.ts";
import { HeddleError, messageOf } from "../../errors/errors.ts";
import { diffText } from "./diff.ts";
import {
  type ConfigFields,
  type Conflict,
  editConfig,
  linesOf,
  newConfig,
  newConfigWithoutImport,
} from "./edit-config.ts";

export type WriteOutcome =
  | { readonly kind: "written"; readonly file: string; readonly isNew: boolean }
  | { readonly kind: "unchanged"; readonly file: string }
  /** The user did not agree. */
  | { readonly kind: "declined"; readonly file: string }
  /** The file has a form that is not edited: the user is shown what to put into it. */
  | { readonly kind: "by-hand"; readonly file: string; readonly fields: string };

export interface WriteRequest {
  readonly cwd: string;
  /** The config file that heddle read, absolute. */
  readonly configFile?: string;
  readonly fields: ConfigFields;
  /** Shows the difference, before anything is written. */
  readonly show: (file: string, diff: string) => void;
  /** Asked before a value of the user's is replaced. */
  readonly agree: (conflicts: readonly Conflict[], file: string) => Promise<boolean>;
}

/** @throws HeddleError TUNE_NOT_WRITTEN */
export async function writeConfig({ cwd, configFile, fields, show, agree }: WriteRequest): Promise<WriteOutcome> {
  const file = configFile ?? join(cwd, "heddle.config.ts");
  if (!existsSync(file)) return await writeNew(file, fields, show);
  const before = readFileSync(file, "utf8");
  const edit = editConfig(before, fields);
  if (edit.kind === "unchanged") return { kind: "unchanged", file };
  if (edit.kind === "unknown-form") return byHand(file, fields);
  show(file, diffText(before, edit.text));
  if (edit.conflicts.length > 0 && !(await agree(edit.conflicts, file))) return { kind: "declined", file };
  try {
    // Through a symbolic link: it stays one, and what the file imports is beside the file.
    const target = realpathSync(file);
    if (!(await givesValues(target, edit.text, fields))) return byHand(file, fields);
    replace(target, edit.text, false);
  } catch (cause) {
    throw notWritten(file, cause);
  }
  return { kind: "written", file, isNew: false };
}

async function writeNew(file: string, fields: ConfigFields, show: WriteRequest["show"]): Promise<WriteOutcome> {
  try {
    const typed = newConfig(fields);
    // Where heddle is not installed, a file that imports it would end each later command.
    const text = (await givesValues(file, typed, fields)) ? typed : newConfigWithoutImport(fields);
    show(file, diffText("", text));
    replace(file, text, true);
  } catch (cause) {
    throw notWritten(file, cause);
  }
  return { kind: "written", file, isNew: true };
}

function notWritten(file: string, cause: unknown): HeddleError {
  const message = `--write: ${file} can't be written: ${messageOf(cause)}. It is as it was.`;
  return new HeddleError("TUNE_NOT_WRITTEN", message, { cause });
}

function byHand(file: string, fields: ConfigFields): WriteOutcome {
  return { kind: "by-hand", file, fields: linesOf(fields).trimEnd() };
}

async function givesValues(file: string, text: string, fields: ConfigFields): Promise<boolean> {
  const copy = join(dirname(file), `.${basename(file, extname(file))}.${process.pid}${extname(file)}`);
  try {
    // The file may hold what only its owner may read.
    writeFileSync(copy, text, { mode: 0o600 });
    const loaded = await loadConfigFile(dirname(file), copy);
    return hasFields(loaded?.settings, fields);
  } catch (error) {
    // The edited text is no program.
    if (error instanceof HeddleError) return false;
    throw error;
  } finally {
    rmSync(copy, { force: true });
  }
}

/** Beside them it may have others. */
function hasFields(value: unknown, fields: ConfigFields): boolean {
  return Object.entries(fields).every(([name, wanted]) => {
    const own = (value as ConfigFields | undefined)?.[name];
    return typeof wanted === "object" && wanted !== null
      ? hasFields(own, wanted as ConfigFields)
      : isDeepStrictEqual(own, wanted);
  });
}

/** Whole or not at all, with the file's own permissions. */
function replace(file: string, text: string, isNew: boolean): void {
  const next = `${file}.${process.pid}`;
  try {
    const mode = isNew ? undefined : statSync(file).mode & 0o7777;
    writeFileSync(next, text, { mode });
    // The umask has taken some of it.
    if (mode !== undefined) chmodSync(next, mode);
    renameSync(next, file);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
}
