/**
 * Outcomes of earlier runs, in the folder of the installed applications. One is good as long as nothing has changed that it is of: heddle's
 * source, the checks, the application's record, Node.
 */

import { createHash } from "node:crypto";
import { globSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder } from "./install.ts";
import type { AppRecord } from "./record.ts";
import type { Outcome } from "./run-app.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = join(cacheFolder, "outcomes");
/** What renders an outcome does not change it. */
const NOT_OF_IT: ReadonlySet<string> = new Set(["main.ts", "page.ts", "verdict.ts", "notes.ts"]);

export async function keepOutcome(app: AppRecord, outcome: Outcome): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${app.name}.json`), JSON.stringify({ of: await fingerprint(app), outcome }));
}

export async function earlierOutcome(app: AppRecord): Promise<Outcome | undefined> {
  try {
    const text = await readFile(join(folder, `${app.name}.json`), "utf8");
    const { of, outcome } = JSON.parse(text) as { readonly of: string; readonly outcome: Outcome };
    return of === (await fingerprint(app)) ? outcome : undefined;
  } catch {
    return undefined;
  }
}

async function fingerprint(app: AppRecord): Promise<string> {
  const checks = globSync("test/apps/*.ts", { cwd: root }).filter((file) => !NOT_OF_IT.has(file.split("/").at(-1)!));
  const files = [...globSync("{bin,src}/**/*.{ts,js}", { cwd: root }), ...checks].sort();
  const record = JSON.stringify({ ...app, exceptions: [], about: "" }, (_key, value: unknown) =>
    value instanceof RegExp ? String(value) : value,
  );
  const hash = createHash("sha256").update(process.version).update(record);
  for (const file of files) hash.update(file).update(await readFile(join(root, file)));
  return hash.digest("hex");
}
