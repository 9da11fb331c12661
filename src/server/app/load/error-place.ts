/** Where in the app's own files an error comes from. */

import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { show } from "./near-files.ts";

/** `src/` when run from source, `dist/` when installed. */
const ownRoot: string = fileURLToPath(new URL("../../..", import.meta.url));

/** `app.ts:12` of the first frame in the app's own files. A syntax error has it in the stack's first line. */
export function firstOwnFrame(error: unknown): string | undefined {
  if (!(error instanceof Error) || typeof error.stack !== "string") return undefined;
  for (const line of error.stack.split("\n")) {
    const match = /(?:^|\(|at (?:async )?)((?:file:\/\/)?\/[^()]*?):(\d+)(?::\d+)?\)?$/.exec(line);
    if (match?.[1] === undefined || match[1].includes("/node_modules/")) continue;
    const file = match[1].startsWith("file:") ? fileURLToPath(match[1]) : match[1];
    if (!file.startsWith(ownRoot)) return `${show(file)}:${match[2]}`;
  }
  return importer(error);
}

/** Whether code that is neither heddle's nor Node's is on the stack. */
export function hasForeignFrame({ stack = "" }: Error): boolean {
  return stack.split("\n").some((line) => {
    const file = /(?:^|\(|at (?:async )?)((?:file:\/\/)?\/[^()]*?):\d+(?::\d+)?\)?$/.exec(line)?.[1];
    return file !== undefined && !file.replace("file://", "").startsWith(ownRoot);
  });
}

/** The file that imports what was not found, and its line. Node names the file only, and for `require` a list of files. */
function importer(error: Error): string | undefined {
  const file = importingFile(error);
  if (file === undefined) return undefined;
  const line = lineOfImport(textOf(file), dirname(file), missingName(error.message));
  return line === undefined ? show(file) : `${show(file)}:${line}`;
}

function importingFile(error: Error & { readonly requireStack?: readonly string[] }): string | undefined {
  const named = /imported from (.+?)(?:\n|$)/.exec(error.message)?.[1] ?? error.requireStack?.[0];
  return named?.startsWith("file:") === true ? fileURLToPath(named) : named;
}

function missingName(message: string): string {
  const named = /(?:module|package|[Ii]mport|export) (?:specifier )?['"](.+?)['"]/.exec(message)?.[1] ?? "";
  return named.startsWith("file:") ? fileURLToPath(named) : named;
}

/** Pure. The line of `source`, in `folder`, that imports `name`: a specifier, a package, or an absolute path. */
export function lineOfImport(source: string, folder: string, name: string): number | undefined {
  if (name === "") return undefined;
  const isIt = (text: string): boolean =>
    text === name || text.startsWith(`${name}/`) || (text.startsWith(".") && resolve(folder, text) === name);
  const lines = source.split("\n");
  const at = lines.findIndex(
    (line) => !/^\s*(?:\/\/|\*)/.test(line) && [...line.matchAll(/(["'`])(.*?)\1/g)].some(([, , text]) => isIt(text!)),
  );
  return at === -1 ? undefined : at + 1;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
