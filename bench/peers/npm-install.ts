/** Puts one version of a package into its own folder under bench/.peers, unless it is there already. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { reasonOf, run } from "../harness/processes.ts";
import { type Availability, PEERS_FOLDER } from "./peer.ts";

export async function npmInstall(folder: string, packages: Readonly<Record<string, string>>): Promise<Availability> {
  const root = join(PEERS_FOLDER, folder);
  const [main = "", version = ""] = Object.entries(packages)[0] ?? [];
  try {
    if ((await installedVersion(root, main)) !== version) {
      await mkdir(root, { recursive: true });
      await writeFile(join(root, "package.json"), JSON.stringify({ private: true, type: "module" }));
      const wanted = Object.entries(packages).map(([name, each]) => `${name}@${each}`);
      await run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", "--save-exact", ...wanted], {
        cwd: root,
        timeoutMs: 300_000,
        // The measured servers run with NODE_ENV=production. npm must not leave out packages because of it.
        env: { NODE_ENV: "" },
      });
    }
    return { available: true, version: (await installedVersion(root, main)) ?? version };
  } catch (error) {
    return { available: false, reason: reasonOf(error) };
  }
}

async function installedVersion(root: string, name: string): Promise<string | undefined> {
  try {
    const text = await readFile(join(root, "node_modules", name, "package.json"), "utf8");
    return (JSON.parse(text) as { version: string }).version;
  } catch {
    return undefined;
  }
}
