/**
 * Holds the layout of src/. Prints each fault and exits 1.
 *
 * - Imports point one way, types included: a part imports itself, the parts below it and the leaves.
 * - tasks, actors, shared, runtime, supervise and kit know no HTTP.
 * - There are no cycles between files at run time. Types of one part may refer to each other.
 * - No folder holds more than MAX_FILES files.
 */

import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The parts, from the top. Parts of one row do not import each other. */
const PARTS: readonly (readonly string[])[] = [
  [""],
  ["cli"],
  ["server/control", "tune"],
  ["server/arbiter"],
  ["server/worker"],
  ["server/http"],
  ["server/models"],
  ["server/sockets"],
  ["server/app"],
  ["live", "cluster"],
  ["actors", "tasks", "shared"],
  ["runtime"],
  ["supervise"],
  ["kit", "platform"],
];

/** Any part may import these; each imports only what is named here. */
const LEAVES: Readonly<Record<string, readonly string[]>> = {
  config: ["errors", "platform"],
  log: ["errors"],
  errors: [],
};

/** The lowest parts import only these leaves: the leaves stand on them. */
const LOWEST: Readonly<Record<string, readonly string[]>> = { kit: ["errors"], platform: ["errors"] };

const NO_HTTP: ReadonlySet<string> = new Set(["tasks", "actors", "shared", "runtime", "supervise", "kit"]);

const MAX_FILES = 16;

/** Imports that point back, and are to go: `file → part`. One that is not needed any more is a fault. */
const EXCEPTIONS: ReadonlySet<string> = new Set([]);

interface Import {
  readonly from: string;
  readonly to: string;
  /** Erased, or made only when it is needed: not there when the modules are linked. */
  readonly isLinked: boolean;
}

const files = globSync("src/**/*.ts").sort();
const imports = files.flatMap(importsOf);
const excused = new Set<string>();
const faults = [
  ...imports.flatMap(arrowFault),
  ...imports.flatMap(httpFault),
  ...cycles(),
  ...crowdedFolders(),
  ...[...EXCEPTIONS].filter((each) => !excused.has(each)).map((each) => `not needed in EXCEPTIONS: ${each}`),
];
for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exitCode = 1;
else console.log(`${files.length} files, ${imports.length} imports: one way, no cycles`);

function importsOf(file: string): Import[] {
  const source = readFileSync(file, "utf8");
  const statements = source.matchAll(/^(?:import|export)\s+(type\s+)?([^;"']*?from\s+)?["']([^"']+)["']/gms);
  const expressions = source.matchAll(/\bimport\("([^"]+)"\)/g);
  const at = (specifier: string): string => (specifier.startsWith(".") ? join(dirname(file), specifier) : specifier);
  return [
    ...[...statements].map(([, type, names = "", specifier = ""]) => ({
      from: file,
      to: at(specifier),
      isLinked: type === undefined && !isAllTypes(names),
    })),
    ...[...expressions].map(([, specifier = ""]) => ({ from: file, to: at(specifier), isLinked: false })),
  ];
}

/** `{ type A, type B } from`: erased entirely. */
function isAllTypes(names: string): boolean {
  const inner = /\{([^}]*)\}/s.exec(names)?.[1];
  return inner !== undefined && inner.split(",").every((name) => name.trim() === "" || name.trim().startsWith("type "));
}

function partOf(file: string): string {
  const [first = "", second = ""] = file.split("/").slice(1, -1);
  return first === "server" ? `server/${second}` : first;
}

function levelOf(part: string): number {
  return PARTS.findIndex((row) => row.includes(part));
}

function mayImport(source: string, target: string): boolean {
  if (source === target) return true;
  const only = LEAVES[source] ?? LOWEST[source];
  if (only !== undefined) return only.includes(target);
  return target in LEAVES || levelOf(source) < levelOf(target);
}

function arrowFault({ from, to }: Import): string[] {
  if (!to.startsWith("src/")) return [];
  const [source, target] = [partOf(from), partOf(to)];
  if (!(source in LEAVES) && levelOf(source) === -1) return [`${from}: no part of the layout is called ${source}`];
  if (mayImport(source, target)) return [];
  const exception = `${from} → ${target}`;
  excused.add(exception);
  return EXCEPTIONS.has(exception) ? [] : [`${from}: ${source} may not import ${target} (${to})`];
}

function httpFault({ from, to }: Import): string[] {
  const part = partOf(from);
  const isHttp = /^node:https?$/.test(to) || to === "src/platform/http.ts";
  return NO_HTTP.has(part) && isHttp ? [`${from}: ${part} knows no HTTP (${to})`] : [];
}

function crowdedFolders(): string[] {
  const counts = new Map<string, number>();
  for (const file of files) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
  return [...counts]
    .filter(([, count]) => count > MAX_FILES)
    .map(([folder, count]) => `${folder}: ${count} files; a folder holds at most ${MAX_FILES}`);
}

function cycles(): string[] {
  const graph = new Map<string, string[]>();
  for (const { from, to, isLinked } of imports) {
    if (to.startsWith("src/") && isLinked) graph.set(from, [...(graph.get(from) ?? []), to]);
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
