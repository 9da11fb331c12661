/**
 * The contract of a peer: how a server is installed, started, reloaded and stopped.
 *
 * A peer that can't be installed gives the reason. It is reported as missing, and never silently left out.
 */
import { waitUntilAnswering } from "../harness/ports.ts";
import { processTree } from "../harness/proc.ts";

export interface BenchApp {
  readonly name: string;
  /** Absolute path of the module in bench/apps. */
  readonly file: string;
  /** A path that answers at once with 200. */
  readonly readyPath: string;
}

export interface StartOptions {
  /** Event loops: processes or threads, whatever the peer multiplies. */
  readonly loops: number;
  /** Makes heddle spread its loops over worker processes instead of threads. Peers with only one way ignore it. */
  readonly as?: "threads" | "processes";
  /** Whether the app is started with the shutdown code that the peer's documentation recommends. */
  readonly graceful?: boolean;
}

export interface RunningPeer {
  /** Without a trailing slash. */
  readonly url: string;
  /** All of its processes that are alive now, daemons included. */
  pids(): number[];
  /** The processes that serve requests, and that the peer promises to replace when they die. */
  workerPids(): number[];
  /** Resolves when the peer itself reports that the reload is done. */
  reload?(): Promise<void>;
  stop(): Promise<void>;
}

export type Availability =
  | { readonly available: true; readonly version: string }
  | { readonly available: false; readonly reason: string };

export interface Peer {
  readonly name: string;
  /** Installs what is missing. Called once per run. */
  install(): Promise<Availability>;
  start(app: BenchApp, options: StartOptions): Promise<RunningPeer>;
}

export function benchApp(name: string, readyPath = "/"): BenchApp {
  return { name, file: new URL(`../apps/${name}.ts`, import.meta.url).pathname, readyPath };
}

export const LAUNCH: { readonly listen: string; readonly cluster: string } = {
  listen: new URL("../launch/listen.ts", import.meta.url).pathname,
  cluster: new URL("../launch/cluster.ts", import.meta.url).pathname,
};

/** The folder of peers that come from a registry. git ignores it. */
export const PEERS_FOLDER: string = new URL("../.peers/", import.meta.url).pathname;

export const LISTENING: RegExp = /listening on (http:\/\/[\d.]+:\d+)/;

/** All processes of a tree except its root. */
export function descendants(root: number): number[] {
  return processTree([root]).slice(1);
}

/** A started server is running once the app answers. */
export async function ready<T extends RunningPeer>(running: T, app: BenchApp): Promise<T> {
  try {
    await waitUntilAnswering(running.url + app.readyPath);
    return running;
  } catch (error) {
    await running.stop();
    throw error;
  }
}
