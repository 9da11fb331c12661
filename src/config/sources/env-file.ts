/** The files of `--env-file`. Their format is that of `node --env-file`, and Node's own parser reads them. It ignores lines that
 * it does not understand. Here they are an error, because a missing variable would be noticed much later.
 *
 * As with Node, a later file wins over an earlier one, and the existing environment wins over all files.
 */

import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { parseEnv } from "node:util";
import { HeddleError } from "../../errors/errors.ts";
import type { FoundApp } from "../app/find-app.ts";
import type { Environment, Variables } from "./sources.ts";

export interface EnvFile {
  readonly path: string;
  readonly variables: Readonly<Record<string, string>>;
}

/** @throws HeddleError ENV_FILE_FAILED */
export function readEnvFiles(paths: readonly string[]): readonly EnvFile[] {
  return paths.map((path) => ({ path, variables: parseEnvFile(readText(path), path) }));
}

/** The variables that the start script sets, and its own env files: for `mergeEnvFiles`, in front of all others.
 * @throws HeddleError ENV_FILE_FAILED
 */
export function readScriptEnv(found: Pick<FoundApp, "env" | "envFiles"> | undefined): readonly EnvFile[] {
  // What the script assigns wins over its files, as in a shell.
  return found === undefined
    ? []
    : [...readEnvFiles(found.envFiles), { path: "the start script", variables: found.env }];
}

/** @throws HeddleError ENV_FILE_FAILED */
export function parseEnvFile(text: string, path: string): Readonly<Record<string, string>> {
  if (text.includes("\0")) throw failed(path, "it is not a text file");
  const bare = text.replace(/^\uFEFF/, "");
  const line = badLine(bare);
  // The line's text is not shown: it may be part of a secret.
  if (line !== undefined)
    throw failed(path, `line ${line} is neither NAME=value nor a comment; a value of several lines needs quotes`);
  return { ...(parseEnv(bare) as Record<string, string>) };
}

/** The environment as the files complete it. */
export function mergeEnvFiles(files: readonly EnvFile[], env: Environment): Variables {
  const merged: Record<string, string | undefined> = {};
  const envFileOf: Record<string, string> = {};
  for (const { path, variables } of files) {
    for (const [name, value] of Object.entries(variables)) {
      if (env[name] !== undefined) continue;
      merged[name] = value;
      envFileOf[name] = basename(path);
    }
  }
  return { env: { ...merged, ...env }, envFileOf };
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw failed(path, code === "ENOENT" ? "it does not exist" : message, cause);
  }
}

/** Counted from 1. */
function badLine(text: string): number | undefined {
  // A quoted value may span several lines and contain anything.
  const plain = text.replaceAll(
    /^([^\n=#]*=[^\S\n]*)(["'`])[^]*?\2[^\n]*/gm,
    (entry, start: string) => start + entry.replaceAll(/[^\n]/g, ""),
  );
  const index = plain.split("\n").findIndex((line) => !/^\s*(?:$|#|[^\s=][^=]*=)/.test(line));
  return index === -1 ? undefined : index + 1;
}

function failed(path: string, why: string, cause?: unknown): HeddleError {
  return new HeddleError(
    "ENV_FILE_FAILED",
    `--env-file: ${path} cannot be used: ${why}`,
    cause === undefined ? {} : { cause },
  );
}
