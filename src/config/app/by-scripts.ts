/** The app that the scripts in package.json run. */

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { HeddleError } from "../../errors/errors.ts";
import { builds } from "./by-build.ts";
import { commandFile, isFile, programFile } from "./package-file.ts";
import { bare, type FoundApp, type Project } from "./project.ts";
import { serverCommands } from "./programs.ts";
import { readStartScript, type StartCommand } from "./start-script.ts";

const FOR_PRODUCTION = /^(?:start:prod(?:uction)?|serve:ssr(?::.*)?|serve:prod(?:uction)?)$/;

export function byScripts(project: Project): FoundApp | undefined {
  const scripts = project.package?.scripts ?? {};
  if (scripts["start"] === undefined) {
    project.looked.push(
      project.package === undefined ? "package.json: there is none" : "scripts.start in package.json: none",
    );
  } else {
    const found = byScript(project, "start");
    if (found !== undefined) return found;
  }
  const names = Object.keys(scripts).filter((name) => FOR_PRODUCTION.test(name));
  for (const name of names) {
    const found = byScript(project, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** undefined: it says nothing of a file. */
function byScript(
  project: Project,
  name: string,
  args: readonly string[] = [],
  seen: readonly string[] = [],
): FoundApp | undefined {
  const { scripts } = project.package!;
  const script = Object.hasOwn(scripts, name) ? scripts[name] : undefined;
  const label = `scripts.${/^\w+$/.test(name) ? name : JSON.stringify(name)} in package.json`;
  if (script === undefined) throw project.unclear(`${label} is run by another script, and does not exist`);
  if (seen.includes(name)) throw project.unclear(`${label} runs itself`);
  const command = readStartScript(script, (other) => Object.hasOwn(scripts, other));
  const before = scripts[`pre${name}`];
  const extra = before === undefined ? [] : [`pre${name}: ${before}`];
  switch (command.kind) {
    case "unclear":
      return byUnclear(project, label, script, command.why);
    case "other":
      project.looked.push(`${label}: it runs ${command.name}, which does not name a file to serve`);
      return undefined;
    case "script": {
      if (command.folder !== undefined) return byFolder(project, label, script, command.folder);
      const inner = byScript(project, command.name, [...command.args, ...args], [...seen, name]);
      return inner && completed(project, inner, command, `${label} ("${script}") → ${inner.reason}`, extra);
    }
    case "server":
      if (command.folder !== undefined) return byFolder(project, label, script, command.folder);
      return completed(
        project,
        byServer(project, label, script, command, args),
        command,
        `${label}: "${script}"`,
        extra,
      );
    default: {
      const folder = resolve(project.folder, command.folder ?? ".");
      const file = programFile(folder, command.file);
      if (file === undefined) throw project.unbuilt(`${label} runs ${command.file}, which does not exist`);
      const preload = preloadOf(project, command.preload);
      const found = bare(file, [...command.args, ...args], project.package!.path);
      const nodeFlags = command.nodeFlags.map((word) => inFolder(word, command.folder && folder));
      const flags = { ...found, nodeFlags: [...preload.flags, ...nodeFlags] };
      return completed(project, flags, command, `${label}: "${script}"`, [...extra, ...preload.notTaken]);
    }
  }
}

/** It runs what another package has. */
function byFolder(project: Project, label: string, script: string, folder: string): FoundApp {
  return byUnclear(
    project,
    label,
    script,
    `what it runs is that of ${folder}: start heddle there, or with --chdir ${folder}`,
  );
}

/** `--import ./otel.js`, `--import=./otel.js`, which mean a file in this folder. */
function inFolder(word: string, folder: string | undefined): string {
  if (folder === undefined) return word;
  return word.replace(/^(--[\w-]+=|)(\.{1,2}\/.*)$/, (_, name: string, path: string) => name + resolve(folder, path));
}

/** A framework's build is as good; anything else may be the wrong file. */
function byUnclear(project: Project, label: string, script: string, why: string): FoundApp {
  const built = builds(project);
  if (built.length === 1) return built[0]!;
  throw project.unclear(`${label} is "${script}": ${why}`);
}

function byServer(
  project: Project,
  label: string,
  script: string,
  { name, args }: Extract<StartCommand, { kind: "server" }>,
  more: readonly string[],
): FoundApp {
  const { needs, better } = serverCommands[name]!;
  const all = [...args, ...more];
  if (better !== undefined && isFile(join(project.folder, better)))
    return bare(join(project.folder, better), [], project.package!.path);
  const needed = needs?.(args);
  if (needed !== undefined && !existsSync(resolve(project.folder, needed)))
    throw project.unbuilt(`${label} is "${script}", and ${needed} does not exist`);
  const file = commandFile(project.folder, name);
  if (file !== undefined) return bare(file, all, project.package!.path);
  throw new HeddleError("APP_NOT_FOUND", `${label} is "${script}", and ${name} is not in node_modules/.bin.`, {
    hint: "Are the packages installed? Try `npm install`.",
  });
}

/** A package that compiles the app's files while they load, if the project has it. */
function preloadOf(
  project: Project,
  wanted: readonly [string, string] | undefined,
): { flags: readonly string[]; notTaken: readonly string[] } {
  if (wanted === undefined) return { flags: [], notTaken: [] };
  const [, module] = wanted;
  try {
    createRequire(join(project.folder, "package.json")).resolve(module);
    return { flags: wanted, notTaken: [] };
  } catch {
    return { flags: [], notTaken: [`${module} (not installed here: Node itself erases the types)`] };
  }
}

/** Adds what a script has around its program, and completes the log line. */
function completed(
  project: Project,
  found: FoundApp,
  { kind, env, envFiles, folder = ".", notTaken }: Extract<StartCommand, { kind: "file" | "server" | "script" }>,
  reason: string,
  extra: readonly string[],
): FoundApp {
  const present = envFiles
    .map((each) => ({ ...each, path: resolve(project.folder, folder, each.path) }))
    .filter(({ path, isOptional }) => !isOptional || existsSync(path));
  const files = present.map(({ path }) => path);
  const expanded = present.flatMap(({ path, expands }) => (expands === undefined ? [] : [[path, expands] as const]));
  const own = kind === "script" ? [] : found.nodeFlags;
  const taken = [...own, ...Object.keys(env), ...files.map((file) => project.show(file))];
  const left = [...extra, ...notTaken];
  return {
    ...found,
    env: { ...env, ...found.env },
    // What the outer script has set, the inner one's files do not change.
    envFiles: [...found.envFiles, ...files],
    expanded: { ...found.expanded, ...Object.fromEntries(expanded) },
    reason: [
      reason,
      ...(taken.length === 0 ? [] : [`with ${taken.join(" ")}`]),
      ...(left.length === 0 ? [] : [`without ${left.join(", ")}`]),
    ].join("; "),
  };
}
