/** Installs Go if it is missing, and builds one program with it. The reported version is Go's. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { reasonOf, run } from "../harness/processes.ts";
import { isOnPath } from "../harness/wrk.ts";
import { aptInstall } from "./apt-install.ts";
import type { Availability } from "./peer.ts";

/** `sources`: all files of the package. */
export async function buildGo(sources: readonly URL[], binary: string): Promise<Availability> {
  try {
    if (!isOnPath("go")) {
      const installed = await aptInstall(["golang-go"]);
      if (!installed.available) return installed;
    }
    await mkdir(dirname(binary), { recursive: true });
    await run("go", ["build", "-o", binary, ...sources.map(({ pathname }) => pathname)], { timeoutMs: 300_000 });
    const version = await run("go", ["version"]);
    return { available: true, version: /go[\d.]+/.exec(version)?.[0] ?? version.trim() };
  } catch (error) {
    return { available: false, reason: reasonOf(error) };
  }
}
