/** The folder that is searched for the app, and the errors that end the search. */

import { join, relative } from "node:path";
import type { Expansion } from "./programs.ts";
import { HeddleError } from "../../errors/errors.ts";
import { isFile, type PackageFile, programFile, readPackageFile } from "./package-file.ts";

export interface FoundApp {
  /** Absolute. */
  readonly file: string;
  readonly args: readonly string[];
  /** Node's flags for the processes that run it. */
  readonly nodeFlags: readonly string[];
  /** Variables of the start script. The environment and the env files win. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute, and those that exist if they may be missing. */
  readonly envFiles: readonly string[];
  /** By their paths: in which of their values `${NAME}` means that variable. */
  readonly expanded?: Readonly<Record<string, Expansion>>;
  /** For the log: what was taken, and why. */
  readonly reason: string;
  /** The file that says so: a change of it may mean another app. */
  readonly basis: string | undefined;
}

/** Usual names of an app's file, the best one first. */
export const NAMES = ["server", "app", "main", "index"] as const;
export const EXTENSIONS = [".ts", ".mts", ".cts", ".js", ".mjs", ".cjs"] as const;

export class Project {
  readonly folder: string;
  readonly package: PackageFile | undefined;
  /** What was looked for in vain, for the error. */
  readonly looked: string[] = [];

  /** @throws HeddleError CONFIG_FILE_FAILED */
  constructor(folder: string) {
    this.folder = folder;
    this.package = readPackageFile(folder);
  }

  usual(): readonly string[] {
    return NAMES.flatMap((name) => this.named(name));
  }

  named(name: string): readonly string[] {
    const folders = [this.folder, join(this.folder, "src")];
    return folders.flatMap((at) => EXTENSIONS.map((extension) => join(at, name + extension)).filter(isFile));
  }

  /** In the folder itself, not in src: there it is a source that is to be compiled. */
  ownServers(): readonly string[] {
    return EXTENSIONS.map((extension) => join(this.folder, `server${extension}`)).filter(isFile);
  }

  unbuilt(what: string, hint = "Or name the app: heddle serve app.ts"): HeddleError {
    const build = this.buildHint() ?? "Is the app built?";
    return new HeddleError("APP_NOT_FOUND", `got no app, and ${what}.`, { hint: `${build} ${hint}` });
  }

  buildHint(): string | undefined {
    return this.package?.scripts["build"] === undefined ? undefined : "Build the app first: `npm run build`.";
  }

  /** `files`: equally good ones. */
  unclear(why: string, files: readonly string[] = this.candidates()): HeddleError {
    const names = files.length === 0 ? ["app.ts"] : files;
    return new HeddleError("CLI_USAGE", `got no app, and heddle cannot tell which it is: ${why}`, {
      hint: `Name its module:\n${names.map((file) => `  heddle serve ${file}`).join("\n")}`,
    });
  }

  candidates(): readonly string[] {
    const main = this.package?.main === undefined ? undefined : programFile(this.folder, this.package.main);
    const files = new Set([...(main === undefined ? [] : [main]), ...this.usual()]);
    return [...files].map((file) => this.show(file));
  }

  has(path: string): boolean {
    return isFile(join(this.folder, path));
  }

  show(path: string): string {
    return relative(this.folder, path);
  }
}

export function bare(file: string, args: readonly string[], basis: string | undefined): FoundApp {
  return { file, args, nodeFlags: [], env: {}, envFiles: [], reason: "", basis };
}
