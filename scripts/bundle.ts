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
import { dirname, join, relative, resolve } from "node:path";
import { build, type Plugin } from "esbuild";

const source = resolve("src");

/**
 * What is imported or started by its path. Those of one list may be loaded by one thread, so what they share is one module. The
 * more entries a list has, the more and the smaller are its chunks, and each takes time and memory in each thread.
 */
const COMMANDS = ["cli/main.ts", "cli/tuned-server-main.ts"];
const GENERATOR = ["tune/load/generator-main.ts", "tune/load/null-server-main.ts"];
const LIBRARY = [
  "index.ts",
  "actors/index.ts",
  "actors/actor-service.ts",
  "shared/index.ts",
  "tasks/index.ts",
  "tune/index.ts",
  "runtime/watch/watch-service.ts",
  ...globSync("**/*-main.ts", { cwd: source }).filter((main) => ![...COMMANDS, ...GENERATOR].includes(main)),
];

/**
 * Small modules that nearly every thread needs, without what they would load that some do not. They are one chunk: each would be one of its
 * own, and Node's work on the paths of many modules is enough for V8 to load its optimizing compiler, 5 MB.
 */
const CORE = [
  "config/cpus.ts",
  "config/nearest.ts",
  "config/notation.ts",
  "config/routes/socket-kind.ts",
  "errors/count.ts",
  "errors/errors.ts",
  "kit/broken-memory.ts",
  "kit/clock.ts",
  "kit/full-collection.ts",
  "kit/linked-list.ts",
  "kit/native-timers.ts",
  "kit/per-thread.ts",
  "kit/wake-word.ts",
  "kit/wrapping.ts",
  "platform/descriptors.ts",
  "platform/native.ts",
  "platform/node-internals/datagrams.ts",
  "platform/node-internals/handles.ts",
  "platform/node-internals/listening.ts",
  "platform/node-internals/moved-channel.ts",
  "platform/node-internals/terminated.ts",
  "runtime/blocking.ts",
  "runtime/door.ts",
  "server/worker/worker-protocol.ts",
  "supervise/heartbeat.ts",
  "supervise/own-port.ts",
  "supervise/preloads.ts",
  "supervise/start-thread.ts",
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

/** What is loaded later, by its path. For the bundler it is an entry as well. */
function loadedLater(): string[] {
  return globSync("**/*.ts", { cwd: source }).flatMap((module) => {
    const text = readFileSync(resolve(source, module), "utf8");
    return [...text.matchAll(/\bimport\("(\.[^"]+)"\)/g)].map(([, target = ""]) => join(dirname(module), target));
  });
}

const withCore = new Set([...LIBRARY, ...loadedLater()]);

const adapted: Plugin = {
  name: "adapted",
  setup(bundler) {
    bundler.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const contents = withoutCostlyImports(readFileSync(path, "utf8"));
      const address = relative(source, path).replace(/\.ts$/, ".js");
      const isUsed = contents.includes("import.meta.url");
      const own = isUsed ? `const ${OWN_ADDRESS} = ${DIST} + "${address}";` : "";
      const core = withCore.has(relative(source, path))
        ? CORE.map((module) => `import ${JSON.stringify(resolve(source, module))};`).join("")
        : "";
      return { loader: "ts", contents: core + own + contents };
    });
  },
};

/** `outdir`: a folder named dist. */
export async function bundle(outdir: string): Promise<void> {
  for (const entries of [COMMANDS, GENERATOR, LIBRARY]) await bundleTogether(entries, outdir);
  // A module with one wider character takes twice the memory, in each thread. esbuild leaves those in comments as they are.
  for (const file of globSync(join(outdir, "**/*.js"))) {
    const text = readFileSync(file, "utf8");
    const narrow = text.replace(/[^\0-\xff]/g, (wide) => `\\u${wide.charCodeAt(0).toString(16).padStart(4, "0")}`);
    if (narrow !== text) writeFileSync(file, narrow);
  }
}

async function bundleTogether(entries: readonly string[], outdir: string): Promise<void> {
  await build({
    entryPoints: entries.map((entry) => resolve(source, entry)),
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
}
