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
import type { Expansion } from "../app/programs.ts";
import type { Environment, Variables } from "./sources.ts";

export interface EnvFile {
  readonly path: string;
  readonly variables: Readonly<Record<string, string>>;
  /** Those of them in whose values `${NAME}` means that variable, as with dotenv-cli and dotenvx. Node reads them as they are. */
  readonly expanded?: ReadonlySet<string>;
}

/** @throws HeddleError ENV_FILE_FAILED */
export function readEnvFiles(paths: readonly string[]): readonly EnvFile[] {
  return paths.map((path) => ({ path, variables: parseEnvFile(readText(path), path) }));
}

/** The variables that the start script sets, and its own env files: for `mergeEnvFiles`, in front of all others.
 * @throws HeddleError ENV_FILE_FAILED
 */
export function readScriptEnv(found: Pick<FoundApp, "env" | "envFiles" | "expanded"> | undefined): readonly EnvFile[] {
  if (found === undefined) return [];
  const files = found.envFiles.map((path) => readScriptFile(path, found.expanded?.[path]));
  // What the script assigns wins over its files, as in a shell.
  return [...files, { path: "the start script", variables: found.env }];
}

function readScriptFile(path: string, expands: Expansion | undefined): EnvFile {
  const text = readText(path);
  const variables = parseEnvFile(text, path);
  if (expands === undefined) return { path, variables };
  const isPlain = (name: string): boolean => expands === "unless-single-quoted" && SINGLE_QUOTED(name).test(text);
  const expanded = Object.keys(variables).filter((name) => !isPlain(name));
  if (expands === "unless-single-quoted") refuseDotenvx(path, variables, expanded);
  return { path, variables, expanded: new Set(expanded) };
}

const SINGLE_QUOTED = (name: string): RegExp =>
  new RegExp(`^[^\\S\\n]*(?:export[^\\S\\n]+)?${RegExp.escape(name)}[^\\S\\n]*=[^\\S\\n]*'`, "m");

/** What only dotenvx can do: it has the keys, and runs commands. */
function refuseDotenvx(path: string, variables: EnvFile["variables"], expanded: readonly string[]): void {
  const start = "expected heddle to be started by it: dotenvx run -- heddle serve";
  const encrypted = Object.keys(variables).find((name) => variables[name]!.startsWith("encrypted:"));
  if (encrypted !== undefined) throw failed(path, `dotenvx decrypts ${encrypted}, and heddle does not; ${start}`);
  const command = expanded.find((name) => variables[name]!.includes("$("));
  if (command !== undefined) throw failed(path, `dotenvx runs a command for ${command}, and heddle does not; ${start}`);
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
  const toExpand = new Set<string>();
  for (const { path, variables, expanded } of files) {
    for (const [name, value] of Object.entries(variables)) {
      if (env[name] !== undefined) continue;
      merged[name] = value;
      envFileOf[name] = basename(path);
      if (expanded?.has(name) === true) toExpand.add(name);
      else toExpand.delete(name);
    }
  }
  for (const name of toExpand) merged[name] = expandValue(merged[name]!, (other) => env[other] ?? merged[other]);
  return { env: { ...merged, ...env }, envFileOf };
}

/** The innermost ones first. */
const REFERENCE = /(?<!\\)(?:\$\{([^{}]+)\}|\$([A-Za-z_]\w*))/;
/** More than a file needs that does not refer to itself in a circle. */
const MAX_REFERENCES = 1000;

/** `$NAME`, `${NAME}`, `${NAME:-instead}`, `${NAME:+instead}`, as dotenv-expand understands them. `\$` is a dollar. Pure. */
export function expandValue(text: string, valueOf: (name: string) => string | undefined): string {
  let result = text;
  const seen = new Set<string>();
  for (let i = 0; i < MAX_REFERENCES; i++) {
    const [whole, braced, bare = ""] = REFERENCE.exec(result) ?? [];
    if (whole === undefined) break;
    seen.add(result);
    const [, name = "", operator = "", instead = ""] = /^(.*?)(?:(:?[-+])([^]*))?$/.exec(braced ?? bare) ?? [];
    const value = valueOf(name) ?? "";
    const isUsed = value !== "" && !seen.has(value);
    const own = operator.endsWith("+") ? "" : value;
    const other = operator.endsWith("+") && value === "" ? "" : instead;
    result = result.replace(whole, () => (isUsed && own !== "" ? own : other));
  }
  return result.replaceAll("\\$", "$");
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
