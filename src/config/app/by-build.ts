/** The app that a framework's build has made. */

import { HeddleError } from "../../errors/errors.ts";
import { frameworks, needServers, type Framework } from "./frameworks.ts";
import { commandFile, filesOf } from "./package-file.ts";
import { bare, type FoundApp, type Project } from "./project.ts";

/** Not if the project has a server of its own beside it, which calls the build. */
export function byBuild(project: Project): FoundApp | undefined {
  if (project.ownServers().length > 0) return undefined;
  const built = builds(project);
  if (built.length > 1) {
    const files = built.map(({ file, args }) => project.show(args[0] ?? file));
    throw project.unclear(`there are several builds: ${files.join(", ")}`, files);
  }
  if (built[0] !== undefined) return built[0];
  const unbuilt = frameworks.find((framework) => isUsed(project, framework));
  if (unbuilt !== undefined) {
    const outputs = unbuilt.outputs.join(" or ");
    throw project.unbuilt(`the project uses ${unbuilt.name}, and its build (${outputs}) does not exist`);
  }
  const handler = needServers.find(
    ({ packages, output }) => packages.some((name) => project.package?.packages.has(name)) && project.has(output),
  );
  if (handler !== undefined)
    throw new HeddleError("APP_NOT_FOUND", `${handler.output} cannot be served by itself.`, { hint: handler.hint });
  project.looked.push("the build of a framework: none");
  return undefined;
}

export function builds(project: Project): readonly FoundApp[] {
  return frameworks.flatMap((framework) => {
    if (!isUsed(project, framework) && framework.isUnmistakable !== true) return [];
    const files = framework.outputs.map((output) => filesOf(project.folder, output)).find(({ length }) => length > 0);
    return (files ?? []).map((file) => served(project, framework, file));
  });
}

function served(project: Project, { name, serve }: Framework, output: string): FoundApp {
  const reason = `the build of ${name}, ${project.show(output)}`;
  const [command, ...args] = serve?.(project.show(output)) ?? [];
  if (command === undefined) return { ...bare(output, [], undefined), reason: `the build of ${name}` };
  const file = commandFile(project.folder, command);
  if (file !== undefined) return { ...bare(file, args, undefined), reason };
  throw new HeddleError("APP_NOT_FOUND", `${reason}, is served by ${command}, which is not in node_modules/.bin.`, {
    hint: "Are the packages installed? Try `npm install`.",
  });
}

function isUsed(project: Project, { packages }: Framework): boolean {
  return packages.some((name) => project.package?.packages.has(name));
}
