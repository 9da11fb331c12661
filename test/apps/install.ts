/**
 * Puts an application into a folder of its own under the system's folder for temporary files: its packages, its files, and what its
 * build makes of them. A folder's name has a hash of the record's packages, files and build; a folder that is complete is used again.
 *
 * npm has to run with the Node that the applications run with, for native add-ons: `npm run` puts it first on the PATH.
 */

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { type AppRecord, isExact } from "./record.ts";

export const cacheFolder: string = join(tmpdir(), "heddle-apps");

const PATIENCE_MS = 600_000;

/** The application's folder. */
export async function install(app: AppRecord): Promise<string> {
  const { name, packages, files, build = [], installScripts = [] } = app;
  const inexact = Object.entries(packages).filter(([, version]) => !isExact(version));
  if (inexact.length > 0) throw new Error(`${name}: not an exact version: ${inexact.join(", ")}`);
  const what = JSON.stringify({ packages, files, build, installScripts, type: app.type, node: process.version });
  const folder = join(cacheFolder, `${name}-${createHash("sha256").update(what).digest("hex").slice(0, 12)}`);
  const done = join(folder, ".installed");
  if (existsSync(done)) return folder;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const manifest = {
    name: `matrix-${name}`,
    private: true,
    ...(app.type === undefined ? {} : { type: app.type }),
    dependencies: packages,
    allowScripts: Object.fromEntries(installScripts.map((each) => [each, true])),
  };
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest, undefined, 2));
  await run(folder, ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"]);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  for (const command of build) await run(folder, command);
  await writeFile(done, "");
  return folder;
}

async function run(folder: string, [command = "", ...args]: readonly string[]): Promise<void> {
  const child = spawn("nice", ["-n", "10", command, ...args], {
    cwd: folder,
    env: {
      ...process.env,
      NODE_ENV: "",
      NODE_OPTIONS: "",
      PATH: [join(folder, "node_modules/.bin"), dirname(process.execPath), process.env["PATH"]].join(delimiter),
    },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: PATIENCE_MS,
  });
  const [out, error, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  if (code !== 0) throw new Error(`${[command, ...args].join(" ")} ended with ${code}:\n${out}\n${error}`);
}
