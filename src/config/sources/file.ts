/**
 * The config file: `heddle.config.{ts,mts,cts,js,mjs,cjs}`, whose default export (`module.exports`) is what `defineConfig` takes. It is a program
 * and runs once per load in the process that loads it. It has the rights of the arbiter, so only the command line may name
 * it, never a request or the control socket.
 *
 * A running server loads it again for each reload. So a file that ends the process, or never ends to load, is a file that failed: the
 * server goes on as it was.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { existsSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { HeddleError, messageOf } from "../../errors/errors.ts";
import type { RouteSettings } from "../routes/routes.ts";
import { isPlainObject, show } from "../setting-value.ts";
import type { SettingInputs } from "../settings.ts";

/** What a config file may hold: the flags in camelCase, the app, and settings by route. */
export type UserConfig = Omit<SettingInputs, "config" | "chdir"> & {
  /** The app's module, relative to the working directory; the one on the command line wins. */
  readonly app?: string;
  readonly routes?: Readonly<Record<string, RouteSettings>>;
};

export interface ConfigFile {
  readonly path: string;
  /** As the file exports it; resolve.ts checks it. */
  readonly settings: Readonly<Record<string, unknown>>;
}

const fileNames = ["ts", "mts", "cts", "js", "mjs", "cjs"].map((extension) => `heddle.config.${extension}`);

/** Gives a config file its types; returns what it was given. */
export function defineConfig(config: UserConfig): UserConfig {
  return config;
}

let loads = 0;

/** More than a file needs that asks a database or a secret store. */
const LOAD_TIMEOUT_MS = 30_000;

/** Loads the file at `path`, or the one in `cwd`, or none. Each load runs the file again, so a reload sees its changes (but not
 * changes in modules that it imports, which Node caches).
 *
 * @throws HeddleError CONFIG_FILE_FAILED, CONFIG_CONFLICT (the directory has two)
 */
export async function loadConfigFile(
  cwd: string,
  path?: string,
  timeoutMs: number = LOAD_TIMEOUT_MS,
): Promise<ConfigFile | undefined> {
  const found = path === undefined ? findConfigFile(cwd) : resolve(cwd, path);
  if (found === undefined) return undefined;
  if (!existsSync(found)) {
    throw new HeddleError(
      "CONFIG_FILE_FAILED",
      `--config: got ${show(found)}, which does not exist; expected a config file`,
    );
  }
  const settings = await importDefault(found, timeoutMs);
  if (isPlainObject(settings)) return { path: found, settings };
  throw new HeddleError(
    "CONFIG_FILE_FAILED",
    `${basename(found)}: got ${settings === undefined ? "no default export" : `${show(settings)} as its default export`}; ` +
      "expected export default defineConfig({ … })",
  );
}

function findConfigFile(cwd: string): string | undefined {
  const found = fileNames.filter((name) => existsSync(resolve(cwd, name)));
  const [first, second] = found;
  if (second !== undefined) {
    throw new HeddleError(
      "CONFIG_CONFLICT",
      `got ${found.join(" and ")} in ${cwd}; expected one: remove the others, or name one with --config`,
    );
  }
  return first === undefined ? undefined : resolve(cwd, first);
}

async function importDefault(path: string, timeoutMs: number): Promise<unknown> {
  // Node remembers where a symbolic link led when it was first imported through.
  const file = realpathSync(path);
  const url = pathToFileURL(file);
  url.searchParams.set("load", String(++loads));
  // A CommonJS file is remembered by its path, whatever the URL.
  const { cache } = createRequire(file);
  delete cache[file];
  try {
    const module = (await inTime(path, timeoutMs, () => import(url.href))) as Readonly<Record<string, unknown>>;
    const exported = module["default"];
    // TypeScript and Babel write `export default` in CommonJS as `exports.default`.
    const isTranspiled = isPlainObject(exported) && exported["__esModule"] === true && "default" in exported;
    return isTranspiled ? exported["default"] : exported;
  } catch (cause) {
    if (cause instanceof HeddleError) throw cause;
    throw new HeddleError("CONFIG_FILE_FAILED", `${basename(path)} could not be loaded: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** The load whose code runs, and nothing else that runs meanwhile. `fail`: undefined when it has succeeded. */
const loading = new AsyncLocalStorage<{ fail: ((why: string) => HeddleError) | undefined }>();
let isExitGuarded = false;

/** @throws HeddleError CONFIG_FILE_FAILED: it would end the process, or takes too long */
async function inTime<T>(path: string, timeoutMs: number, load: () => Promise<T>): Promise<T> {
  guardExit();
  const { promise, reject } = Promise.withResolvers<never>();
  const fail = (why: string): HeddleError => {
    const error = new HeddleError("CONFIG_FILE_FAILED", `${basename(path)} could not be loaded: ${why}`);
    reject(error);
    return error;
  };
  const state: { fail: typeof fail | undefined } = { fail };
  const timer = setTimeout(() => fail(`it still awaits something after ${timeoutMs} ms`), timeoutMs);
  try {
    const loaded = await Promise.race([loading.run(state, load), promise]);
    state.fail = undefined;
    return loaded;
  } finally {
    clearTimeout(timer);
  }
}

function guardExit(): void {
  if (isExitGuarded) return;
  isExitGuarded = true;
  const exit = process.exit.bind(process);
  process.exit = (...code) => {
    const { fail } = loading.getStore() ?? {};
    if (fail === undefined) return exit(...code);
    throw fail(`it calls process.exit(${code[0] ?? ""}); expected it to throw an error that says why`);
  };
}
