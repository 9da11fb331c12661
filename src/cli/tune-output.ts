/** The files that `heddle tune` leaves. Whether they can be written is told before anything is measured, as far as it can be known. */

import { accessSync, constants, mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { show } from "../config/setting-value.ts";
import { HeddleError, messageOf } from "../errors/errors.ts";
import { renderReport } from "../tune/report/page/page.ts";
import type { TuneResult } from "../tune/types.ts";

const FILES = { report: "report.html", result: "result.json" } as const;

/** Creates nothing. `folder`: absolute. @throws HeddleError TUNE_NOT_WRITTEN */
export function checkOutput(folder: string): void {
  const there = nearestThat(folder);
  if (!statSync(there).isDirectory()) throw notWritten(folder, `${there} is no folder`);
  try {
    accessSync(there, constants.W_OK | constants.X_OK);
    if (there !== folder) return;
    for (const file of Object.values(FILES).map((name) => join(folder, name))) {
      if (isThere(file)) accessSync(file, constants.W_OK);
    }
  } catch (cause) {
    throw notWritten(folder, messageOf(cause), cause);
  }
}

/** The files, as they are told. @throws HeddleError TUNE_NOT_WRITTEN */
export function writeOutput(folder: string, result: TuneResult): string[] {
  const [report, file] = [join(folder, FILES.report), join(folder, FILES.result)];
  try {
    makeFolder(folder);
    writeFileSync(file, `${JSON.stringify(result, null, 1)}\n`);
    writeFileSync(report, renderReport(result));
  } catch (cause) {
    throw notWritten(folder, messageOf(cause), cause);
  }
  return [`report  ${report}`, `result  ${file}`];
}

/** Node's recursive one never returns where a file system does not take folders, such as /proc (26.10). */
function makeFolder(folder: string): void {
  if (isThere(folder)) return;
  makeFolder(dirname(folder));
  mkdirSync(folder);
}

function nearestThat(path: string): string {
  return isThere(path) || dirname(path) === path ? path : nearestThat(dirname(path));
}

/** A file where a folder would have to be is an error of `statSync` too: then it is not there. */
function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function notWritten(folder: string, why: string, cause?: unknown): HeddleError {
  return new HeddleError(
    "TUNE_NOT_WRITTEN",
    `--out: got ${show(folder)}, but ${why}; expected a folder that can be written`,
    cause === undefined ? {} : { cause },
  );
}
