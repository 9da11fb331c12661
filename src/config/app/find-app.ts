/**
 * Finds the app if nobody names it, from the strongest evidence to the weakest:
 *
 *   the start script → scripts for production → builds of frameworks → `main` → usual names
 *
 * What `npm start` would run is what the project's owner means. So a start script that heddle doesn't understand, or whose file
 * is missing, ends the search for weaker evidence: another file might be the wrong app. A script that runs a server for
 * development, or heddle itself, says nothing about the file.
 *
 * Nothing is run, and only the working directory is searched. Each reload searches again.
 */

import { HeddleError } from "../../errors/errors.ts";
import { byBuild } from "./by-build.ts";
import { byScripts } from "./by-scripts.ts";
import { programFile } from "./package-file.ts";
import { bare, EXTENSIONS, type FoundApp, NAMES, Project } from "./project.ts";

/** @throws HeddleError APP_NOT_FOUND (not built), CLI_USAGE (it can't be told), CONFIG_FILE_FAILED (package.json) */
export function findApp(folder: string): FoundApp {
  const project = new Project(folder);
  return byScripts(project) ?? byBuild(project) ?? byMain(project) ?? byName(project) ?? giveUp(project);
}

export type { FoundApp } from "./project.ts";

function byMain(project: Project): FoundApp | undefined {
  const main = project.package?.main;
  if (main === undefined) return undefined;
  const file = programFile(project.folder, main);
  if (file !== undefined) return { ...bare(file, [], project.package?.path), reason: "main in package.json" };
  project.looked.push(`main in package.json: ${main} does not exist`);
  return undefined;
}

function byName(project: Project): FoundApp | undefined {
  const [best] = NAMES.map((name) => project.named(name)).filter(({ length }) => length > 0);
  if (best === undefined) {
    project.looked.push(`${NAMES.join(", ")} with ${EXTENSIONS.join(" ")}, here and in src: none`);
    return undefined;
  }
  if (best.length > 1) {
    const files = best.map((file) => project.show(file));
    throw project.unclear(`several files may be it: ${files.join(", ")}`, files);
  }
  const others = project.usual().filter((file) => file !== best[0]);
  const also = others.length === 0 ? "" : `, before ${others.map((file) => project.show(file)).join(", ")}`;
  return { ...bare(best[0]!, [], project.package?.path), reason: `a usual name${also}` };
}

function giveUp(project: Project): never {
  const main = project.package?.main;
  if (main !== undefined && project.buildHint() !== undefined)
    throw project.unbuilt(`main in package.json is ${main}, which does not exist`);
  throw new HeddleError("CLI_USAGE", `got no app, and found none in ${project.folder}`, {
    hint: `Looked for:\n${project.looked.map((line) => `  ${line}`).join("\n")}\nName its module: heddle serve app.ts, or app in heddle.config.ts.`,
  });
}
