/**
 * Finds the place of a syntax error. For most of them Node prints the place above the stack, in two styles. For an ES module it
 * prints none, so the files read last are parsed again by `node --check`, which does. Used only when a load fails.
 */

import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";

export interface SyntaxPlace {
  readonly file: string;
  readonly lineNumber: number;
  /** The text of the line. */
  readonly line: string;
}

/** A module's imports are resolved only after it parses, so the one that fails is among the last. */
const recheckedFiles = 3;
const recheckTimeoutMs = 5000;

/** The offending line, from the source above the stack. Node marks it with `^^^` below or `>` before it. */
export function quotedLine(error: unknown): string | undefined {
  if (!(error instanceof SyntaxError) || typeof error.stack !== "string") return undefined;
  const lines = error.stack.split("\n");
  const marked = lines.find((line) => line.startsWith("  > "));
  if (marked !== undefined) return marked.slice("  > ".length);
  const caret = lines.findIndex((line) => /^\s*\^+\s*$/.test(line));
  return caret > 0 ? lines[caret - 1] : undefined;
}

/** Parses the last of these files again, to find the one that does not parse. */
export function findSyntaxError(files: readonly string[]): SyntaxPlace | undefined {
  for (const file of files.slice(-recheckedFiles).toReversed()) {
    const place = check(file);
    if (place !== undefined) return place;
  }
  return undefined;
}

function check(file: string): SyntaxPlace | undefined {
  try {
    const source = readFileSync(file, "utf8");
    const input = /\.m?ts$/.test(file) ? stripTypeScriptTypes(source) : source;
    // Not imported statically: every thread would load it.
    const { spawnSync } = process.getBuiltinModule("node:child_process");
    const { stderr } = spawnSync(process.execPath, ["--check", "--input-type=module", "-"], {
      input,
      encoding: "utf8",
      timeout: recheckTimeoutMs,
      env: { ...process.env, NODE_OPTIONS: "" },
    });
    const [, lineNumber, line] = /^\[stdin\]:(\d+)\n(.*)$/m.exec(stderr) ?? [];
    return lineNumber === undefined ? undefined : { file, lineNumber: Number(lineNumber), line: line ?? "" };
  } catch {
    return undefined;
  }
}
