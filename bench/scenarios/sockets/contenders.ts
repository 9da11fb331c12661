/** The servers of `bench:sockets`, and what the scenarios do with each. */
import type { Contender } from "../../harness/scenario.ts";
import { installWebSocketClients, WebSocketClients } from "../../web-sockets/web-sockets.ts";
import { bare } from "../../peers/bare.ts";
import { cowboy } from "../../peers/cowboy.ts";
import { heddleSockets } from "../../peers/heddle-sockets.ts";
import { flagsOf, withFlags } from "../../peers/model-options.ts";
import { type Availability, benchApp, type Peer, type RunningPeer } from "../../peers/peer.ts";

export const PATH = "/ws";
/** The room that the issue of a chat server is about: as many as one process may open files for, with something to spare. */
export const CLIENTS = 15_000;
export const QUICK_CLIENTS = 1500;

const heddleApp = benchApp("sockets");
const plainApp = benchApp("sockets-plain");

export const PLAIN: Contender = {
  name: "plain ws × 1",
  peer: withClients(bare),
  app: plainApp,
  options: { loops: 1 },
};

export const COWBOY: Contender = {
  name: "Cowboy × 2",
  peer: withClients(cowboy),
  app: plainApp,
  options: { loops: 2 },
};

const heddlePeer = withClients(heddleSockets);

/** heddle, with an actor for each WebSocket. `threads`: serving threads of each worker. */
export function actors(name: string, workers: number, threads: number): Contender {
  const flags = `--model actors --threads ${threads}`;
  return { name, peer: heddlePeer, app: heddleApp, options: withFlags(workers, flags) };
}

/** Threads with a heap of their own. Cowboy's heaps are collected from any. */
export function threadsOf({ options }: Contender): number {
  const flags = flagsOf(options);
  const threads = flags.indexOf("--threads");
  return threads === -1 ? 1 : options.loops * Number(flags[threads + 1]);
}

/** Without the program that simulates the clients, no server can be measured. */
function withClients(peer: Peer): Peer {
  return {
    ...peer,
    async install(): Promise<Availability> {
      const clients = await installWebSocketClients();
      if (clients.available) return peer.install();
      return { available: false, reason: `the simulated clients need Go: ${clients.reason}` };
    },
  };
}

/** Starts the clients, and ends them however the measurement does. */
export async function withCrowd<T>(
  running: RunningPeer,
  processes: number,
  use: (clients: WebSocketClients) => Promise<T>,
): Promise<T> {
  const clients = await WebSocketClients.start(running.url, PATH, processes);
  try {
    return await use(clients);
  } finally {
    await clients.stop();
  }
}

/** Connects all. @throws Error if one of them can't, with the reasons of all that can't */
export async function connectAll(clients: WebSocketClients, count: number): Promise<{ readonly seconds: number }> {
  const report = await clients.connect(count);
  if (report.opened === count) return report;
  const reasons = Object.entries(report.failures).map(([reason, times]) => `${reason} (${times} times)`);
  throw new Error(
    `${report.opened} of ${count} WebSockets could be opened: ${reasons.join(", ") || "no answer within the time"}`,
  );
}
