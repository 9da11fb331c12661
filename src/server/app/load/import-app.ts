/**
 * Finds and imports the app's file. If that fails, says what to do. Node's own errors name a module loader's frames, but the
 * user needs the line of their own file. So each error here begins with `file:line`.
 */

import { readFileSync, statSync } from "node:fs";
import { createRequire, findPackageJSON, runMain } from "node:module";
import { extname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { HeddleError, messageOf } from "../../../errors/errors.ts";
import { holdWarnings, type Warning } from "../../../platform/node-internals/warnings.ts";
import { isFirst } from "../instance.ts";
import { firstOwnFrame } from "./error-place.ts";
import { appExtensions, importHint, moduleKindHint, replacementFor } from "./import-hint.ts";
import type { ModuleTracker } from "./module-tracker.ts";
import { filesIn, show, similarFiles, stem } from "./near-files.ts";
import { shapeOf } from "./shapes.ts";
import { findSyntaxError, quotedLine } from "./syntax-error.ts";

export type ModuleExports = Readonly<Record<string, unknown>>;

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
  const warnings = holdWarnings(isAboutModuleKind);
  try {
    // It would run a file of an unknown extension as CommonJS; one without any, such as bin/www, is as under `node`. An ES module is
    // only begun here; the import finds it.
    if (asMain && (appExtensions.has(extname(path)) || extname(path) === "")) runMain(path);
    namespace = isCompiledByHook(path)
      ? { "module.exports": createRequire(path)(path) as unknown }
      : ((await import(pathToFileURL(path).href)) as Record<string, unknown>);
  } catch (error) {
    const explained = explainImportError(path, error, modules.inOrder());
    warnings.release(({ message }) => !isSaid(message, explained));
    throw explained;
  }
  // The first copy of the app has the same modules.
  warnings.release(() => isFirst);
  if (!("module.exports" in namespace)) {
    const inner = innermost(namespace["default"]);
    return inner === namespace["default"] ? namespace : { ...namespace, default: inner };
  }
  const exported = namespace["module.exports"];
  const isBag = (typeof exported === "object" || typeof exported === "function") && exported !== null;
  const named = isBag ? (exported as Record<string, unknown>) : {};
  // TypeScript and Babel write `export default` in CommonJS as `exports.default` and mark it with `__esModule`.
  const isTranspiled = named["__esModule"] === true && "default" in named;
  return { ...named, "module.exports": exported, default: innermost(isTranspiled ? named["default"] : exported) };
}

/**
 * Whether a hook of `--require` (ts-node, esbuild-register) compiles the file: then it is CommonJS, whatever its syntax, as it is
 * to `node`. An import would not know of the hook. Such hooks register an extension that Node itself does not have.
 */
function isCompiledByHook(path: string): boolean {
  const extension = extname(path);
  if (![".ts", ".tsx", ".cts"].includes(extension)) return false;
  if (createRequire(path).extensions[extension] === undefined) return false;
  const packageFile = findPackageJSON(pathToFileURL(path));
  if (packageFile === undefined || extension === ".cts") return true;
  return (JSON.parse(readFileSync(packageFile, "utf8")) as { type?: unknown }).type !== "module";
}

/** `default.default`: an ES module's default export that was compiled to CommonJS, and imported or exported once more. */
function innermost(exported: unknown): unknown {
  if (typeof exported !== "object" || exported === null || shapeOf(exported) !== undefined) return exported;
  const inner: unknown = "default" in exported ? exported.default : undefined;
  return shapeOf(inner) === undefined ? exported : inner;
}

/** Node's warnings about how a module is parsed. They are the same in each copy of the app. */
function isAboutModuleKind({ message, code }: Warning): boolean {
  return code === "MODULE_TYPELESS_PACKAGE_JSON" || message.startsWith(ES_MODULE_FAILED);
}

const ES_MODULE_FAILED = "Failed to load the ES module";

/** The error says the same, with its line. */
function isSaid(warning: string, { hint }: HeddleError): boolean {
  return warning.startsWith(ES_MODULE_FAILED) && hint?.includes("need an ES module") === true;
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
  const thrown = error instanceof Error ? `${error.name}: ${firstPart(message)}` : `It threw ${inspect(error)}.`;
  return new HeddleError("APP_IMPORT_FAILED", `${where}: importing the app failed. ${thrown}`, {
    cause: error,
    hint: importHint(code, message) ?? moduleKindHint(resolve(where.replace(/:\d+$/, "")), message),
  });
}

/** Without the list of files that required each other: the line of the first one stands in front. */
function firstPart(message: string): string {
  return message.replace(/\nRequire stack:\n- [^\n]*$/, "");
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
