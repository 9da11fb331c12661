/** What to do about an import that failed. */

import { findPackageJSON } from "node:module";
import { extname, sep } from "node:path";
import { isMainThread } from "node:worker_threads";
import { pathToFileURL } from "node:url";
import { show, similarFiles, stem } from "./near-files.ts";

/** What an app's file, and what it imports from its own folder, may be called. */
export const appExtensions: ReadonlySet<string> = new Set([".ts", ".mts", ".cts", ".js", ".mjs", ".cjs"]);

/** The hint for a file that Node loads as the wrong kind of module. */
export function moduleKindHint(path: string, message: string): string | undefined {
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

export function importHint(code: unknown, message: string): string | undefined {
  if (code === "ERR_MODULE_NOT_FOUND") {
    const missing = /Cannot find (?:module|package) '(.+?)'/.exec(message)?.[1] ?? "";
    if (!missing.startsWith(sep)) return `Is ${missing} installed? Try \`npm install ${packageName(missing)}\`.`;
    const actual = similarFiles(missing).find(
      (file) => stem(file) === stem(missing) && appExtensions.has(extname(file)),
    );
    return actual === undefined ? undefined : `The file is ${show(actual)}: an import must name it with its extension.`;
  }
  if (code === "MODULE_NOT_FOUND") {
    const missing = /Cannot find module '(.+?)'/.exec(message)?.[1] ?? "";
    if (missing.endsWith(".node")) return REBUILD;
    return /^[./]/.test(missing) ? undefined : `Is ${missing} installed? Try \`npm install ${packageName(missing)}\`.`;
  }
  if (code === "ERR_DLOPEN_FAILED")
    return /did not self-register/.test(message) && !isMainThread ? NOT_FOR_THREADS : REBUILD;
  if (code === "ERR_UNSUPPORTED_DIR_IMPORT") return "An import must name the file in the folder, as in ./lib/index.ts.";
  if (code === "ERR_IMPORT_ATTRIBUTE_MISSING") return 'Write `import … from "….json" with { type: "json" }`.';
  if (code === "ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING")
    return "A package must ship JavaScript; only your own files may be TypeScript.";
  if (/does not provide an export named/.test(message)) return "If the name is a type, write `import type { … }`.";
  return undefined;
}

const REBUILD =
  "A native add-on is built for one system and one version of Node. Try `npm rebuild`, with the Node that runs heddle.";

const NOT_FOR_THREADS =
  "This native add-on can be loaded on a main thread only. Remove --threads (or set it to 1), so that each copy of the app runs on one; a route with the model threads runs on threads in any case.";

/** `@scope/name` of `@scope/name/file`. */
function packageName(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

export function replacementFor(syntax: string): string {
  if (syntax.includes("enum")) return "Write a const object instead: `const Color = { Red: 0 } as const`.";
  if (syntax.includes("parameter property")) return "Declare the field and assign it in the constructor.";
  if (syntax.includes("namespace") || syntax.includes("module")) return "Write a module or a const object instead.";
  if (syntax.includes("import")) return "Write `import x from` or `createRequire`.";
  return "Write it in plain JavaScript.";
}
