/**
 * Holds the layout: imports between the folders of src/ point one way, tasks, actors and fabric know no HTTP, and
 * there are no cycles between files. Prints each import that breaks it and exits 1.
 */

import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Folders a folder may import from, besides itself and the leaves. What follows from another entry is not repeated. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "": ["arbiter", "control", "cli"],
  cli: ["arbiter", "control", "worker", "models"],
  control: ["arbiter", "worker"],
  arbiter: ["worker", "fabric"],
  worker: ["pipeline", "models", "app", "fabric"],
  pipeline: ["models", "app", "fabric"],
  models: ["app", "tasks", "actors", "fabric"],
  app: [],
  tasks: ["fabric"],
  actors: ["fabric"],
  fabric: [],
};

/** Anyone may use these; they use only each other, downwards. */
const LEAVES: Readonly<Record<string, readonly string[]>> = {
  log: ["errors"],
  metrics: [],
  config: ["errors", "platform"],
  errors: [],
  platform: ["errors"],
};

/** A model is handed exchanges: its contract names the pipeline's type, and nothing of it is there at run time. */
const TYPES_ONLY: ReadonlySet<string> = new Set(["models → pipeline", "pipeline → models", "app → pipeline"]);

const NO_HTTP: ReadonlySet<string> = new Set(["tasks", "actors", "fabric"]);

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const files = globSync("src/**/*.ts").sort();
const imports = files.flatMap(importsOf);
const faults = [...imports.flatMap(layerFault), ...imports.flatMap(httpFault), ...cycles()];
for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exitCode = 1;
else console.log(`${files.length} files, ${imports.length} imports: one way, no cycles`);

function importsOf(file: string): Import[] {
  const source = readFileSync(file, "utf8");
  const statements = source.matchAll(/^(?:import|export)\s+(type\s+)?([^;"']*?from\s+)?["']([^"']+)["']/gms);
  return [...statements].map(([, type, names = "", specifier = ""]) => ({
    from: file,
    to: specifier.startsWith(".") ? join(dirname(file), specifier) : specifier,
    typeOnly: type !== undefined || isAllTypes(names),
  }));
}

/** `{ type A, type B } from`: erased entirely. */
function isAllTypes(names: string): boolean {
  const inner = /\{([^}]*)\}/s.exec(names)?.[1];
  return inner !== undefined && inner.split(",").every((name) => name.trim() === "" || name.trim().startsWith("type "));
}

function folderOf(file: string): string {
  return file.split("/").slice(1, -1)[0] ?? "";
}

function layerFault({ from, to, typeOnly }: Import): string[] {
  if (!to.startsWith("src/")) return [];
  const [source, target] = [folderOf(from), folderOf(to)];
  if (source === target || target in LEAVES) {
    const ok = source === target || !(source in LEAVES) || LEAVES[source]!.includes(target);
    return ok ? [] : [`${from}: the leaf ${source} may not import ${target}`];
  }
  if (typeOnly && TYPES_ONLY.has(`${source} → ${target}`)) return [];
  return MAY_IMPORT[source]?.includes(target) === true
    ? []
    : [`${from}: ${source || "src"} may not import ${target} (${to})`];
}

function httpFault({ from, to, typeOnly }: Import): string[] {
  return NO_HTTP.has(folderOf(from)) && /^node:https?$/.test(to) && !typeOnly
    ? [`${from}: ${folderOf(from)} knows no HTTP (${to})`]
    : [];
}

function cycles(): string[] {
  const graph = new Map<string, string[]>();
  for (const { from, to, typeOnly } of imports) {
    if (to.startsWith("src/") && !typeOnly) graph.set(from, [...(graph.get(from) ?? []), to]);
  }
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      found.push(`cycle: ${[...path.slice(path.indexOf(file)), file].join(" → ")}`);
      return;
    }
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return found;
}
