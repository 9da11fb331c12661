/**
 * Finds and imports the app's file. If that fails, says what to do. Node's own errors name a module loader's frames, but the
 * user needs the line of their own file. So each error here begins with `file:line`.
 */

import { readdirSync, statSync } from "node:fs";
import { findPackageJSON, runMain } from "node:module";
import { basename, dirname, extname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { HeddleError, messageOf } from "../../../errors/errors.ts";
import type { ModuleTracker } from "./module-tracker.ts";
import { findSyntaxError, quotedLine } from "./syntax-error.ts";

export type ModuleExports = Readonly<Record<string, unknown>>;

const appExtensions: ReadonlySet<string> = new Set([".ts", ".mts", ".cts", ".js", ".mjs", ".cjs"]);

const ownRoot: string = fileURLToPath(new URL("../../..", import.meta.url));

/** The absolute path of the app's file. Throws APP_NOT_FOUND, naming files that may have been meant. */
export function locateApp(file: string): string {
  const path = resolve(file);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile()) return path;
  const what = stats?.isDirectory()
    ? `${show(path)} is a directory, and the app must be a file.`
    : `There is no file ${show(path)}.`;
  const near = stats?.isDirectory() ? appFilesIn(path) : similarFiles(path);
  const hint =
    near.length > 0
      ? `Did you mean ${near.map(show).join(" or ")}?`
      : "Give the path of the file that exports the app.";
  throw new HeddleError("APP_NOT_FOUND", what, { hint });
}

/**
 * Imports the app and returns its exports. For a CommonJS module, `module.exports` is `default`, and its properties count as
 * named exports.
 *
 * `asMain`: it is the program's main module, for `require.main` and `import.meta.main`. If it fails, Node reports that as an
 * unhandled rejection as well.
 */
export async function importApp(path: string, modules: ModuleTracker, asMain: boolean): Promise<ModuleExports> {
  let namespace: Record<string, unknown>;
  try {
    // It would run a file of an unknown extension as CommonJS. An ES module is only begun here; the import finds it.
    if (asMain && appExtensions.has(extname(path))) runMain(path);
    namespace = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    throw explainImportError(path, error, modules.inOrder());
  }
  if (!("module.exports" in namespace)) return namespace;
  const exported = namespace["module.exports"];
  const isBag = (typeof exported === "object" || typeof exported === "function") && exported !== null;
  const named = isBag ? (exported as Record<string, unknown>) : {};
  // TypeScript and Babel write `export default` in CommonJS as `exports.default` and mark it with `__esModule`.
  const isTranspiled = named["__esModule"] === true && "default" in named;
  return { ...named, default: isTranspiled ? named["default"] : exported };
}

/** Says where and why an import failed, and what to do about it. `files`: those read so far, the last one last. */
export function explainImportError(path: string, error: unknown, files: readonly string[]): HeddleError {
  // If a server was refused while the module ran, that is the reason.
  if (error instanceof HeddleError) return error;
  const frame = firstOwnFrame(error);
  const place = frame === undefined && error instanceof SyntaxError ? findSyntaxError(files) : undefined;
  const where = frame ?? (place === undefined ? show(path) : `${show(place.file)}:${place.lineNumber}`);
  const message = messageOf(error);
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const line = place?.line ?? quotedLine(error);

  if (code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") {
    const syntax = /^TypeScript (.+?) is not supported/.exec(message)?.[1] ?? message;
    return new HeddleError(
      "APP_SYNTAX_UNSUPPORTED",
      `${where}: TypeScript ${syntax} cannot be erased${quoted(line)}.`,
      {
        cause: error,
        hint: `Node runs TypeScript by erasing the types. ${replacementFor(syntax)} Or compile first (tsc) and run the .js. \`"erasableSyntaxOnly": true\` in tsconfig.json finds every such place.`,
      },
    );
  }
  if (error instanceof SyntaxError && line?.trimStart().startsWith("@")) {
    return new HeddleError("APP_SYNTAX_UNSUPPORTED", `${where}: decorators are not JavaScript yet${quoted(line)}.`, {
      cause: error,
      hint: "Compile the app first (tsc, swc) and run the .js file.",
    });
  }
  if (code === "ERR_UNKNOWN_FILE_EXTENSION") {
    const extension = /extension "(.+?)"/.exec(message)?.[1] ?? extname(path);
    const isJsx = extension === ".tsx" || extension === ".jsx";
    return new HeddleError("APP_SYNTAX_UNSUPPORTED", `${where}: Node cannot run ${extension} files.`, {
      cause: error,
      hint: isJsx ? "Compile the JSX first and run the .js file." : `An app is one of ${[...appExtensions].join(" ")}.`,
    });
  }
  const thrown = error instanceof Error ? `${error.name}: ${message}` : `it threw ${message}`;
  return new HeddleError("APP_IMPORT_FAILED", `${where}: importing the app failed. ${thrown}`, {
    cause: error,
    hint: importHint(code, message) ?? moduleKindHint(resolve(where.replace(/:\d+$/, "")), message),
  });
}

/** The hint for a file that Node loads as the wrong kind of module. */
function moduleKindHint(path: string, message: string): string | undefined {
  if (/^(module|exports|require) is not defined in ES module scope/.test(message)) {
    return "A file with `import` or `export` in it is an ES module: write `import` for `require`, and `export default` for `module.exports`.";
  }
  if (!/^(Unexpected token 'export'|Cannot use (import statement|'import\.meta') outside a module)/.test(message)) {
    return undefined;
  }
  const extension = extname(path);
  const packageFile = extension.startsWith(".c") ? undefined : findPackageJSON(pathToFileURL(path));
  const set = packageFile === undefined ? "" : `write "type": "module" in ${show(packageFile)}, or `;
  return `\`import\` and \`export\` need an ES module: ${set}name the file ${extension.replace(/^\.c?/, ".m")}.`;
}

function importHint(code: unknown, message: string): string | undefined {
  if (code === "ERR_MODULE_NOT_FOUND") {
    const missing = /Cannot find (?:module|package) '(.+?)'/.exec(message)?.[1] ?? "";
    if (!missing.startsWith(sep)) return `Is ${missing} installed? Try \`npm install ${missing}\`.`;
    const actual = similarFiles(missing).find(
      (file) => stem(file) === stem(missing) && appExtensions.has(extname(file)),
    );
    return actual === undefined ? undefined : `The file is ${show(actual)}: an import must name it with its extension.`;
  }
  if (code === "ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING")
    return "A package must ship JavaScript; only your own files may be TypeScript.";
  if (/does not provide an export named/.test(message)) return "If the name is a type, write `import type { … }`.";
  return undefined;
}

function replacementFor(syntax: string): string {
  if (syntax.includes("enum")) return "Write a const object instead: `const Color = { Red: 0 } as const`.";
  if (syntax.includes("parameter property")) return "Declare the field and assign it in the constructor.";
  if (syntax.includes("namespace") || syntax.includes("module")) return "Write a module or a const object instead.";
  if (syntax.includes("import")) return "Write `import x from` or `createRequire`.";
  return "Write it in plain JavaScript.";
}

/** `app.ts:12` of the first frame in the app's own files. A syntax error has it in the stack's first line. */
function firstOwnFrame(error: unknown): string | undefined {
  if (!(error instanceof Error) || typeof error.stack !== "string") return undefined;
  for (const line of error.stack.split("\n")) {
    const match = /(?:^|\(|at (?:async )?)((?:file:\/\/)?\/[^()]*?):(\d+)(?::\d+)?\)?$/.exec(line);
    if (match?.[1] === undefined || match[1].includes("/node_modules/")) continue;
    const file = match[1].startsWith("file:") ? fileURLToPath(match[1]) : match[1];
    if (!file.startsWith(ownRoot)) return `${show(file)}:${match[2]}`;
  }
  const importer = /imported from (.+)$/m.exec(error.message)?.[1];
  return importer === undefined ? undefined : show(importer);
}

function quoted(line: string | undefined): string {
  return line === undefined ? "" : ` in \`${line.trim()}\``;
}

function appFilesIn(directory: string): string[] {
  const usual = ["app", "server", "index", "main"];
  return [directory, join(directory, "src")]
    .flatMap(filesIn)
    .filter((file) => usual.includes(stem(file)) && appExtensions.has(extname(file)))
    .slice(0, 3);
}

function similarFiles(path: string): string[] {
  const wanted = stem(path);
  return filesIn(dirname(path))
    .map((file) => ({ file, distance: stem(file) === wanted ? 0 : editDistance(basename(file), basename(path)) }))
    .filter(({ distance }) => distance <= 3)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ file }) => file);
}

function filesIn(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(directory, entry.name));
  } catch {
    return [];
  }
}

function stem(path: string): string {
  return basename(path, extname(path));
}

/** Levenshtein; names are short. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const substitution = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(substitution, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** The path relative to the user's directory, if that is shorter. */
export function show(path: string): string {
  const local = relative(process.cwd(), path);
  return local !== "" && !local.startsWith("..") ? local : path;
}
