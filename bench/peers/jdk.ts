/**
 * The JDK's HTTP server with a virtual thread for each request, on `loops` carrier threads. It serves apps/java/Models.java.
 *
 * Any JDK on this machine will do that has virtual threads and native calls; the newest is taken, and its version is in the
 * results. There is none in older Debian releases, and Debian's own is older than some that are installed by hand.
 */
import { readdirSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { processTree } from "../harness/proc.ts";
import { peerEnvironment, reasonOf, run, start } from "../harness/processes.ts";
import { aptInstall } from "./apt-install.ts";
import { type Availability, LISTENING, type Peer, PEERS_FOLDER, ready } from "./peer.ts";

/** Native calls (JEP 454) came later than virtual threads (JEP 444, 21). */
const OLDEST = 22;
const WANTED = "openjdk-25-jdk-headless";
const JVM_FOLDER = "/usr/lib/jvm";
const classes = join(PEERS_FOLDER, "java");
const source = new URL("../apps/java/Models.java", import.meta.url).pathname;

interface Jdk {
  /** Where `java` and `javac` are. */
  readonly folder: string;
  readonly version: string;
}

let found: Jdk | undefined;

export const jdk: Peer = {
  name: "JDK, virtual threads",
  async install(): Promise<Availability> {
    try {
      found = await newestJdk();
      if (found === undefined) {
        const installed = await aptInstall([WANTED]);
        if (!installed.available) return installed;
        found = await newestJdk();
      }
      if (found === undefined) return { available: false, reason: `${WANTED} is installed, but has no javac` };
      await mkdir(classes, { recursive: true });
      await run(join(found.folder, "javac"), ["-d", classes, source]);
      return { available: true, version: `JDK ${found.version}` };
    } catch (error) {
      return { available: false, reason: reasonOf(error) };
    }
  },
  async start(app, { loops }) {
    if (found === undefined) throw new Error("the JDK was not installed");
    const properties = {
      "jdk.virtualThreadScheduler.parallelism": loops,
      // By default this server closes all idle connections but 200, and answers wait for the client's delayed ACK.
      "sun.net.httpserver.maxIdleConnections": 20_000,
      "sun.net.httpserver.nodelay": true,
    };
    const flags = Object.entries(properties).map(([name, value]) => `-D${name}=${value}`);
    const args = ["--enable-native-access=ALL-UNNAMED", ...flags, "-cp", classes, "Models"];
    const server = start(join(found.folder, "java"), args);
    const [, url = ""] = await server.waitForOutput(LISTENING).catch(async (error: unknown) => {
      await server.stop();
      throw error;
    });
    const pids = (): number[] => processTree([server.pid]);
    return ready({ url, pids, workerPids: pids, stop: () => server.stop(500) }, app);
  },
};

/** undefined: none is new enough. */
async function newestJdk(): Promise<Jdk | undefined> {
  let newest: Jdk | undefined;
  for (const folder of binFolders()) {
    const version = await versionIn(folder);
    if (version === undefined || majorOf(version) < OLDEST) continue;
    if (newest === undefined || majorOf(version) > majorOf(newest.version)) newest = { folder, version };
  }
  return newest;
}

function binFolders(): string[] {
  const environment = peerEnvironment();
  const home = environment["JAVA_HOME"];
  return [
    ...(home === undefined ? [] : [join(home, "bin")]),
    ...(environment["PATH"] ?? "").split(delimiter),
    ...foldersIn(JVM_FOLDER).map((name) => join(JVM_FOLDER, name, "bin")),
  ];
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** The version of the javac there, such as `25.0.3`; undefined without one. */
async function versionIn(folder: string): Promise<string | undefined> {
  try {
    return parseJavacVersion(await run(join(folder, "javac"), ["-version"], { timeoutMs: 20_000 }));
  } catch {
    return undefined;
  }
}

/** `javac 25.0.3` since Java 9; `javac 1.8.0_402` before. */
export function parseJavacVersion(text: string): string | undefined {
  return /^javac (\d[\w.+-]*)/m.exec(text)?.[1];
}

function majorOf(version: string): number {
  return Number.parseInt(version, 10);
}
