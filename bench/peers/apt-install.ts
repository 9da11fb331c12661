/** Installs missing system packages. The reported version is that of the first. */
import { reasonOf, run } from "../harness/processes.ts";
import type { Availability } from "./peer.ts";

export async function aptInstall(packages: readonly string[]): Promise<Availability> {
  const [main = ""] = packages;
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  try {
    const versions = await Promise.all(packages.map(installedVersion));
    if (versions.includes(undefined)) {
      await run("apt-get", ["update", "-qq"], { env });
      await run("apt-get", ["install", "-y", "-qq", ...packages], { env, timeoutMs: 300_000 });
    }
    return { available: true, version: (await installedVersion(main)) ?? "unknown" };
  } catch (error) {
    return { available: false, reason: reasonOf(error) };
  }
}

async function installedVersion(name: string): Promise<string | undefined> {
  try {
    const text = await run("dpkg-query", ["--show", "--showformat", "${db:Status-Status} ${Version}", name]);
    const [status, version] = text.trim().split(" ", 2);
    return status === "installed" ? version : undefined;
  } catch {
    return undefined;
  }
}
