/**
 * Programs instead of servers. Each runs one workload, prints its numbers in one line of JSON, and stays until it is stopped,
 * so that its processor time can still be read.
 */
import { join } from "node:path";
import { processTree } from "../harness/proc.ts";
import { start } from "../harness/processes.ts";
import { buildGo } from "./go-build.ts";
import { type Availability, type Peer, PEERS_FOLDER, type RunningPeer } from "./peer.ts";

export interface RunningProgram extends RunningPeer {
  /** The numbers that it printed. */
  result(): Promise<Readonly<Record<string, number>>>;
}

/** Far longer than any workload takes. */
const PATIENCE_MS = 120_000;

/** A peer for one workload. `command` gets the workload's name as its last argument. */
export function program(
  name: string,
  workload: string,
  install: () => Promise<Availability>,
  command: readonly [string, ...string[]],
  env: Readonly<Record<string, string>> = {},
): Peer {
  return {
    name,
    install,
    async start(): Promise<RunningProgram> {
      const [executable, ...args] = command;
      const started = start(executable, [...args, workload], { env });
      const pids = (): number[] => processTree([started.pid]);
      return {
        url: "",
        pids,
        workerPids: pids,
        stop: () => started.stop(500),
        async result() {
          const [, json = ""] = await started.waitForOutput(/^result (\{.*\})$/m, PATIENCE_MS);
          return JSON.parse(json) as Record<string, number>;
        },
      };
    },
  };
}

const tasksProgram = new URL("../apps/runtime/tasks.ts", import.meta.url).pathname;

export function heddleTasks(workload: string): Peer {
  const install = async (): Promise<Availability> => ({ available: true, version: process.version });
  return program("heddle/tasks", workload, install, [process.execPath, "--expose-gc", tasksProgram]);
}

const actorsProgram = new URL("../apps/runtime/actors.ts", import.meta.url).pathname;

/** A large heap from the start. By default the heap grows in steps, and each step scans a million actors. */
export function heddleActors(workload: string): Peer {
  const install = async (): Promise<Availability> => ({ available: true, version: process.version });
  const flags = [
    "--expose-gc",
    "--max-semi-space-size=64",
    "--initial-old-space-size=3000",
    "--max-old-space-size=4096",
  ];
  return program("heddle/actors", workload, install, [process.execPath, ...flags, actorsProgram]);
}

const goBinary = join(PEERS_FOLDER, "go/runtime");
const installGo = (): Promise<Availability> =>
  buildGo([new URL("../apps/runtime/go/main.go", import.meta.url)], goBinary);

/** With `GOMAXPROCS=1`: one thread, like a thread of heddle. */
export function goRuntime(workload: string): Peer {
  return program("Go", workload, installGo, [goBinary], { GOMAXPROCS: "1" });
}
