/**
 * Cowboy, Erlang's web server, with as many schedulers as `loops`. It serves apps/erlang/sockets.erl.
 *
 * Debian has Cowboy only inside of the package rabbitmq-server. That package is unpacked here, not installed, so that no broker
 * is started on the machine.
 */
import { readdirSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { processTree } from "../harness/proc.ts";
import { reasonOf, run, start } from "../harness/processes.ts";
import { aptInstall } from "./apt-install.ts";
import { type Availability, LISTENING, type Peer, PEERS_FOLDER, ready } from "./peer.ts";

const root = join(PEERS_FOLDER, "cowboy");
const beams = join(root, "beams");
const source = new URL("../apps/erlang/sockets.erl", import.meta.url).pathname;
const CARRIER = "rabbitmq-server";
/** Cowboy, and the two libraries that it needs. */
const LIBRARIES = ["cowboy", "cowlib", "ranch"] as const;
/** What these use of Erlang/OTP. */
const OTP = ["erlang-base", "erlang-crypto", "erlang-ssl", "erlang-public-key", "erlang-asn1", "erlang-inets"];

let folders: readonly string[] = [];

export const cowboy: Peer = {
  name: "Cowboy",
  async install(): Promise<Availability> {
    try {
      const otp = await aptInstall(OTP);
      if (!otp.available) return otp;
      const version = await unpack();
      await mkdir(beams, { recursive: true });
      await run("erlc", ["-o", beams, source]);
      return { available: true, version: `${version}, Erlang ${otp.version}` };
    } catch (error) {
      return { available: false, reason: reasonOf(error) };
    }
  },
  async start(app, { loops }) {
    const paths = [beams, ...folders].flatMap((folder) => ["-pa", folder]);
    const args = ["+S", `${loops}:${loops}`, "+K", "true", "-noshell", "-noinput", ...paths, "-run", "sockets", "main"];
    const server = start("erl", args);
    const [, url = ""] = await server.waitForOutput(LISTENING).catch(async (error: unknown) => {
      await server.stop();
      throw error;
    });
    const pids = (): number[] => processTree([server.pid]);
    return ready({ url, pids, workerPids: pids, stop: () => server.stop(500) }, app);
  },
};

/** The folders of the libraries, which are archives in some versions of the package. Returns Cowboy's version. */
async function unpack(): Promise<string> {
  let found = libraries();
  if (found.length < LIBRARIES.length) {
    await rm(root, { recursive: true, force: true });
    await mkdir(root, { recursive: true });
    // Without the lists of packages, apt knows none.
    await run("apt-get", ["update", "-qq"]);
    await run("apt-get", ["download", "-qq", CARRIER], { cwd: root, timeoutMs: 300_000 });
    const [archive = ""] = readdirSync(root).filter((name) => name.endsWith(".deb"));
    await run("dpkg-deb", ["--extract", join(root, archive), join(root, "unpacked")]);
    found = libraries();
  }
  if (found.length < LIBRARIES.length) throw new Error(`${CARRIER} does not hold ${LIBRARIES.join(", ")}`);
  folders = found.map(({ beams }) => beams);
  return found[0]?.version ?? "unknown";
}

interface Library {
  readonly version: string;
  /** Where its compiled modules are; Erlang looks into archives (`cowboy-2.8.0.ez/cowboy-2.8.0/ebin`) by itself. */
  readonly beams: string;
}

function libraries(): Library[] {
  const plugins = pluginsFolder();
  if (plugins === undefined) return [];
  const entries = readdirSync(plugins);
  return LIBRARIES.flatMap((library): Library[] => {
    const entry = entries.find((name) => new RegExp(`^${library}-\\d`).test(name));
    if (entry === undefined) return [];
    const name = entry.replace(/\.ez$/, "");
    const folder = entry === name ? join(plugins, entry) : join(plugins, entry, name);
    return [{ version: name.slice(library.length + 1), beams: join(folder, "ebin") }];
  });
}

function pluginsFolder(): string | undefined {
  const base = join(root, "unpacked/usr/lib/rabbitmq/lib");
  try {
    const [server] = readdirSync(base).filter((name) => name.startsWith("rabbitmq_server-"));
    return server === undefined ? undefined : join(base, server, "plugins");
  } catch {
    return undefined;
  }
}
