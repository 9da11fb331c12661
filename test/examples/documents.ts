/** The project's hand-written pages, as the tests in this folder read them. */

import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root: string = fileURLToPath(new URL("../../", import.meta.url));

export interface Page {
  /** Relative to the repository. */
  readonly file: string;
  readonly text: string;
}

export interface Fence {
  readonly page: string;
  readonly language: string;
  readonly code: string;
}

const globs = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/**/*.md", "examples/**/*.md"];

export function pages(): Page[] {
  const files = globs.flatMap((glob) => globSync(glob, { cwd: root })).sort();
  return files.map((file) => ({ file, text: readFileSync(join(root, file), "utf8") }));
}

export function fences({ file, text }: Page): Fence[] {
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = "", code = ""]) => ({
    page: file,
    language,
    code,
  }));
}
