/**
 * The JavaScript of the package, from src/ alone. It is bundled: what several entries share is a chunk of its own. Each thread of
 * a server loads a hundred modules at its start; as files of their own they take a third of the time and of the memory
 * (docs/decisions/memory.md). An entry keeps its path, and a module that asks for its own address gets the one that it would have
 * had: threads are started by paths that are relative to it.
 *
 * An `import` of a built-in module evaluates all of its exports, also those that Node loads only when they are used: with node:fs and
 * node:util come sixty modules that no thread of a server needs. Their functions are taken with `process.getBuiltinModule` instead.
 */

import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { build, type Plugin } from "esbuild";

const source = resolve("src");

/** What is imported or started by its path: the package's exports, the commands, and the threads. */
const ENTRIES = [
  "index.ts",
  "actors/index.ts",
  "actors/actor-service.ts",
  "shared/index.ts",
  "tasks/index.ts",
  "tune/index.ts",
  "cli/main.ts",
  "runtime/watch/watch-service.ts",
  ...globSync("**/*-main.ts", { cwd: source }),
];

/** Each chunk knows where dist/ is. */
const DIST = "heddleDist";
const OWN_ADDRESS = "heddleModuleUrl";

const COSTLY_IMPORT = /^import \{([^}]*)\} from "(node:(?:fs|util))";$/gm;

function withoutCostlyImports(contents: string): string {
  return contents.replace(COSTLY_IMPORT, (_, imported: string, module: string) => {
    const names = imported.split(",").map((name) => name.trim());
    const values = names.filter((name) => name !== "" && !name.startsWith("type "));
    return `const { ${values.map((name) => name.replace(" as ", ": ")).join(", ")} } = process.getBuiltinModule("${module}");`;
  });
}

const adapted: Plugin = {
  name: "adapted",
  setup(bundler) {
    bundler.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const contents = withoutCostlyImports(readFileSync(path, "utf8"));
      const address = relative(source, path).replace(/\.ts$/, ".js");
      const isUsed = contents.includes("import.meta.url");
      return {
        loader: "ts",
        contents: isUsed ? `const ${OWN_ADDRESS} = ${DIST} + "${address}";${contents}` : contents,
      };
    });
  },
};

/** `outdir`: a folder named dist. */
export async function bundle(outdir: string): Promise<void> {
  await build({
    entryPoints: ENTRIES.map((entry) => resolve(source, entry)),
    outbase: source,
    outdir,
    chunkNames: "chunks/[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node26",
    packages: "external",
    charset: "ascii",
    define: { "import.meta.url": OWN_ADDRESS },
    banner: { js: `const ${DIST} = import.meta.url.slice(0, import.meta.url.lastIndexOf("/dist/") + 6);` },
    plugins: [adapted],
    logLevel: "warning",
  });
  // A module with one wider character takes twice the memory, in each thread. esbuild leaves those in comments as they are.
  for (const file of globSync(join(outdir, "**/*.js"))) {
    const text = readFileSync(file, "utf8");
    const narrow = text.replace(/[^\0-\xff]/g, (wide) => `\\u${wide.charCodeAt(0).toString(16).padStart(4, "0")}`);
    if (narrow !== text) writeFileSync(file, narrow);
  }
}
